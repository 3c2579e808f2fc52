"""The tables the shop delivers: columns, files, and which column can go wrong."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TableShape:
    """One table of the source contract.

    Attributes
    ----------
    columns : tuple of str
        Column names in file order, the key first.
    kind : str
        File kind in the mixed format: csv, csv.gz, jsonl or parquet.
    time_column, number_column : str
        Columns that a malformed row may break.
    is_daily : bool
        Delivered every day, with a header only when there are no rows.
    is_speech : bool
        Holds free text, so that CSV cells must be quoted.
    """

    columns: tuple[str, ...]
    kind: str = "csv"
    time_column: str = ""
    number_column: str = ""
    is_daily: bool = False
    is_speech: bool = False


def _shape(columns: str, **more: str | bool) -> TableShape:
    return TableShape(tuple(columns.split()), **more)  # type: ignore[arg-type]


TABLES = {
    "users": _shape(
        "user_id signed_up_at country region city birth_year gender acquisition_channel language",
        time_column="signed_up_at",
        number_column="birth_year",
    ),
    "user_contacts": _shape("user_id email phone push_token"),
    "consents": _shape("user_id purpose changed_at granted"),
    "events": _shape(
        "event_id user_id session_id occurred_at event_type product_id duration_seconds device",
        kind="csv.gz",
        time_column="occurred_at",
        number_column="duration_seconds",
        is_daily=True,
    ),
    "orders": _shape(
        "order_id user_id ordered_at status gross_amount discount_amount currency coupon_code",
        time_column="ordered_at",
        number_column="gross_amount",
        is_daily=True,
    ),
    "order_items": _shape(
        "order_id line_number product_id quantity unit_price", number_column="unit_price", is_daily=True
    ),
    "returns": _shape(
        "return_id order_id user_id product_id returned_at quantity amount reason",
        time_column="returned_at",
        number_column="amount",
    ),
    "reviews": _shape(
        "review_id user_id product_id reviewed_at rating review_text",
        kind="jsonl",
        time_column="reviewed_at",
        number_column="rating",
        is_speech=True,
    ),
    "support_messages": _shape(
        "message_id conversation_id user_id sent_at sender message_text satisfaction",
        kind="jsonl",
        time_column="sent_at",
        number_column="satisfaction",
        is_speech=True,
    ),
    "products": _shape("product_id category brand list_price", kind="parquet"),
    "promotions": _shape("promotion_id starts_on ends_on name discount_rate category"),
    "campaign_touches": _shape("touch_id user_id campaign_id channel sent_at opened_at clicked_at"),
    "coupons": _shape("coupon_code user_id campaign_id issued_at expires_on face_value"),
    "coupon_redemptions": _shape("redemption_id coupon_code order_id redeemed_at"),
}


def file_kind(table: str, file_format: str) -> str:
    """Return the kind of file a table is delivered in: csv, csv.gz, jsonl or parquet."""
    if file_format == "mixed":
        return TABLES[table].kind
    return "csv.gz" if file_format == "csv" and TABLES[table].kind == "csv.gz" else file_format

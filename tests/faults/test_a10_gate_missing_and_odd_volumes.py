"""A10, behind ingest: rows that are missing or far too many close the raw gate, and so does silence."""

import pytest

from tests.expectations.clean_shop import DAY, FEATURES, RAW, Shop, spoiled_gate

TODAY = f"known_on = '{DAY}'"


@pytest.mark.parametrize(
    ("statement", "rule", "column"),
    [
        (f"delete from {RAW}", "the_table_has_rows", None),
        (f"delete from {RAW} where {TODAY} and rowid % 20 > 0", "volume_is_as_usual", None),
        (
            f"insert into {RAW} select {RAW.split('.')[1]}.* from {RAW}, range(12) where {TODAY}",
            "volume_is_as_usual",
            None,
        ),
        (f"delete from {RAW} where known_on > '{DAY}'::date - 9", "the_table_is_fresh", "InvoiceDate"),
    ],
    ids=["no row at all", "95 % less", "12 times more", "nothing for nine days"],
)
def test_a10_an_odd_volume_closes_the_raw_gate(
    shop: Shop, statement: str, rule: str, column: str | None
) -> None:
    message, failed = spoiled_gate(shop, "raw", statement)
    assert (rule, column) in failed
    assert rule in message


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        (
            f"update {FEATURES} set is_eligible = rowid % 3 = 0 where as_of_date = '{DAY}'",
            "as_many_users_as_usual",
        ),
        (f"delete from {FEATURES} where as_of_date = '{DAY}'", "every_day_has_eligible_users"),
        (
            f"update {FEATURES} set days_since_last_paid_order = 8 + days_since_last_paid_order",
            "the_newest_order_is_fresh",
        ),
    ],
    ids=["two users in three gone", "all gone", "no order for eight days"],
)
def test_a10_too_few_users_or_stale_orders_close_the_features_gate(
    shop: Shop, statement: str, rule: str
) -> None:
    message, _ = spoiled_gate(shop, "features", statement)
    assert rule in message

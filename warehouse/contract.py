"""The source contract, read from the macro that holds it: tables, columns, keys, and when a row happened."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment

from warehouse.errors import ContractBreach

# The macro names columns and types only: the keys stand where each staging model declares them.
KEYS = {
    "users": ("user_id",),
    "consents": ("user_id", "purpose", "changed_at"),
    "events": ("event_id",),
    "orders": ("order_id",),
    "order_items": ("order_id", "line_number"),
    "returns": ("return_id",),
    "reviews": ("review_id",),
    "support_messages": ("message_id",),
    "products": ("product_id",),
    "promotions": ("promotion_id",),
    "campaign_touches": ("touch_id",),
    "coupons": ("coupon_code",),
    "coupon_redemptions": ("redemption_id",),
}


@dataclass(frozen=True)
class ContractTable:
    """One table of the source contract.

    Attributes
    ----------
    name : str
        What the contract calls it.
    key : tuple of str
        Columns that tell one row from another.
    columns : dict of str to str
        SQL type by column, as a shop delivers them.
    version_columns : dict of str to str
        What staging adds: when the row happened by the shop's clock, and which days knew it.
    happened_at : str or None
        The column that says when a row happened; None for descriptions.
    """

    name: str
    key: tuple[str, ...]
    columns: dict[str, str]
    version_columns: dict[str, str]
    happened_at: str | None

    @property
    def staged_columns(self) -> dict[str, str]:
        """Columns of the staged table, in its order."""
        return {**self.columns, **self.version_columns}


def load_contract(dbt_project: Path) -> dict[str, ContractTable]:
    """Read the contract from ``macros/contract.sql``.

    Raises
    ------
    ContractBreach
        If a key names a column that the contract does not have.
    """
    returned: list[Any] = []
    environment = Environment(extensions=["jinja2.ext.do"], autoescape=False)  # noqa: S701  it makes SQL

    def keep(value: Any) -> str:
        returned.append(value)
        return ""

    environment.globals["return"] = keep
    text = (dbt_project / "macros" / "contract.sql").read_text(encoding="utf-8")
    macros = environment.from_string(text).module

    def ask(macro: str, table: str) -> Any:
        getattr(macros, macro)(table)
        return returned[-1]

    contract = {}
    for name, key in KEYS.items():
        happened_at = ask("happened_at_column", name)
        versions = dict(ask("version_columns", name))
        if happened_at is None:
            # a macro that asks another gets its text here, not its value, and so always finds a column
            versions.pop("local_at", None)
        table = ContractTable(
            name=name,
            key=key,
            columns=dict(ask("contract_columns", name)),
            version_columns=versions,
            happened_at=happened_at,
        )
        strangers = [column for column in table.key if column not in table.columns]
        if strangers:
            raise ContractBreach(
                f"The key of {name} names columns that the contract does not have",
                ", ".join(strangers),
                "bring KEYS in warehouse/contract.py and dbt_project/macros/contract.sql together",
            )
        contract[name] = table
    return contract

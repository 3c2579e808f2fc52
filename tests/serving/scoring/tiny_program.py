"""A feature program of two models, for tests of what stands around it."""

from datetime import date

from warehouse.contract import load_contract
from warehouse.feature_program import FEATURES, SHOP_GAPS, FeatureContext, FeatureProgram, Model
from warehouse.feature_program.program import DAY_MARK
from warehouse.settings import REPOSITORY

DAY = date(2026, 6, 30)
STAGED_USERS, STAGED_ORDERS = "staging.stg_tiny_shop__users", "staging.stg_tiny_shop__orders"


def tiny_program(**changes: object) -> FeatureProgram:
    """Return a program whose features are the country and the number of orders."""
    seen = f"known_on <= {DAY_MARK} and (superseded_on is null or superseded_on > {DAY_MARK})"
    program = {
        "source": "tiny_shop",
        "time_zone": "Asia/Shanghai",
        "definition_id": "paid_order_90d",
        "fingerprint": "f",
        "raw_tables": (),
        "seeds": (),
        "contract": load_contract(REPOSITORY / "dbt_project"),
        "models": (
            Model(STAGED_USERS, "table", "select 1", ()),
            Model(STAGED_ORDERS, "table", "select 1", ()),
            Model(SHOP_GAPS, "table", "select 1", ()),
            Model(
                FEATURES,
                "table",
                f"select {DAY_MARK} as as_of_date, user_id, true as is_eligible, "
                "any_value(country) as country, "
                f"(select count(*) from {STAGED_ORDERS} where {seen} "
                f"and cast(local_at as date) <= {DAY_MARK}) as orders "
                f"from {STAGED_USERS} where {seen} group by user_id",
                (STAGED_ORDERS, STAGED_USERS),
            ),
        ),
        "features": {"as_of_date": "DATE", "user_id": "VARCHAR", "country": "VARCHAR", "orders": "BIGINT"},
    }
    return FeatureProgram(**{**program, **changes})  # type: ignore[arg-type]


def tiny_context() -> FeatureContext:
    """Return the context of a shop without products and promotions."""
    return FeatureContext(DAY, {}, 30.0)

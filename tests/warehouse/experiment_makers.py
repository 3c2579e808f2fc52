"""Experiments written straight into the build file, as the ledger's facts would stand there."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from tests.warehouse.dbt_makers import Row, Shop
from warehouse.dbt_project import dbt_vars, run_dbt

CONTROL_TABLES = {
    "run": "run_id varchar, as_of_date date, epoch bigint, source varchar, kind varchar, trigger varchar",
    "campaign_assignments": (
        "experiment_id varchar, campaign_id varchar, user_id varchar, arm varchar, stratum varchar, "
        "holdout_share double, assigned_on date, "
        "launch_state varchar, run_id varchar"
    ),
    "campaign_contacts": (
        "message_id varchar, user_id varchar, campaign_id varchar, experiment_id varchar, as_of_date date, "
        "action varchar, offer_id varchar, channel varchar, state varchar, coupon_code varchar, cost double, "
        "handed_over_at timestamp"
    ),
    "coupons_issued": (
        "coupon_code varchar, user_id varchar, campaign_id varchar, period varchar, offer_id varchar, "
        "face_value double, currency varchar, issued_on date, expires_on date"
    ),
}
# what a campaign would have been assigned by; effects read the probability at assignment and the reason
TIERS = (
    "as_of_date date, user_id varchar, churn_probability double, churn_percentile double, "
    "tier_reason varchar, reason_1_code varchar, model_version varchar"
)
HISTORY = (
    "path:models/staging/sample_shop",
    "path:models/intermediate/history",
    "complaint_words",
    # what decisions have built before: effects read it
    "int_codes_used",
)


def prepare_experiments(shop: Shop) -> None:
    """Make the tables that effects read, empty."""
    shop.write("create schema if not exists control; create schema if not exists risk")
    for table, columns in CONTROL_TABLES.items():
        shop.write(f"create or replace table control.{table} ({columns})")
    shop.write(f"create or replace table risk.user_risk_tiers_history ({TIERS})")


def insert(shop: Shop, table: str, rows: Sequence[Row]) -> None:
    """Add literal rows to a table; columns not named are NULL."""
    for row in rows:
        values = ", ".join("null" if value is None else f"'{value}'" for value in row.values())
        shop.write(f"insert into {table} ({', '.join(row)}) values ({values})")


def build(shop: Shop, day: date, *selected: str, command: str = "run") -> None:
    """Let dbt make the selected models for a day."""
    arguments = [command, "--quiet", "--select", *selected]
    run_dbt(shop.settings, arguments, dbt_vars(shop.settings, [day]))


def build_effects(shop: Shop, day: date) -> None:
    """Let dbt make everything of the selector `effects`, with its tests."""
    run_dbt(shop.settings, ["build", "--quiet", "--selector", "effects"], dbt_vars(shop.settings, [day]))


def dicts(shop: Shop, table: str, key: str, condition: str = "true") -> dict[Any, dict[str, Any]]:
    """Read a table as one dictionary per row, by the value of a column."""
    rows = shop.rows(f"select to_json(t) from (from {table} where {condition}) as t")
    import json

    found = [json.loads(row[0]) for row in rows]
    assert len({row[key] for row in found}) == len(found), f"{key} is no key of {table}"
    return {row[key]: row for row in found}

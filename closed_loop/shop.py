"""The simulated shop as a user of the product: its home, its settings and its own seeds.

A marketer's choices are seeds. This shop has three campaigns of limited capacity, holds out three in
ten users (it is small), and reaches a user once in four weeks at most. Everything else is what the product
comes with.
"""

import csv
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from closed_loop.sizes import Size
from warehouse.settings import REPOSITORY, Settings

DEFINITION = "paid_order_60d"
HOLDOUT_SHARE = 0.3
# from one contact of a user to the next, of whatever kind: whole rounds, or nobody would be free on the day
# of a round (an experiment takes a user on again only when its goal days are over)
REST_DAYS = 28
ENVIRONMENT = {
    "HOLDFAST_SOURCE": "sample_shop",
    "HOLDFAST_DEFINITION": DEFINITION,
    "HOLDFAST_CANDIDATES": "recency_rule,logistic_regression",
    "HOLDFAST_SEARCH_TRIALS": "0",
    "HOLDFAST_MEMORY_LIMIT": "2GB",
    "HOLDFAST_SENDING": "on",
    "HOLDFAST_EMAIL_FROM": "Sample Shop <shop@shop.example>",
    "HOLDFAST_UNSUBSCRIBE_URL": "https://shop.example/unsubscribe",
    "HOLDFAST_PROVIDER_BATCH_SIZE": "100",
}
Row = dict[str, str]


class ShopSettings(Settings):
    """Settings of a home that brings its own copy of the dbt project, with the shop's own seeds."""

    @property
    def dbt_project(self) -> Path:
        """The copy in the home."""
        return self.home / "dbt_project"


def settings_of(home: Path, **more: str) -> ShopSettings:
    """Return the settings of a home that ``make_project`` has prepared."""
    return ShopSettings.from_environment(environment_of(home, **more))  # type: ignore[return-value]


def environment_of(home: Path, **more: str) -> dict[str, str]:
    """Return the environment variables that the product's own processes would have."""
    return {"HOLDFAST_HOME": str(home), **ENVIRONMENT, **more}


def make_project(home: Path, size: Size) -> None:
    """Copy the dbt project into a home and put the shop's own seeds there."""
    project = home / "dbt_project"
    shutil.rmtree(project, ignore_errors=True)
    left_out = shutil.ignore_patterns("target", "logs", "dbt_packages", ".user.yml")
    shutil.copytree(REPOSITORY / "dbt_project", project, ignore=left_out)
    seeds = project / "seeds"
    _rewrite(seeds / "campaign_policy.csv", lambda row: _campaign(row, size.capacity))
    _rewrite(seeds / "contact_policy.csv", _contact_rule)
    _rewrite(seeds / "churn_definitions.csv", _definition)


def _campaign(row: Row, capacity: Mapping[str, int]) -> Row | None:
    campaign = row["campaign_id"]
    if campaign == "global_control":
        return row
    if campaign not in capacity:
        return None
    return row | {
        "channels": "call" if campaign == "service_call" else "email|push|sms",
        # everybody is in the audience: whom to choose is what policies are compared by
        "risk_tiers": "high" if campaign == "service_call" else "",
        "value_tiers": "",
        "excluded_codes": "",
        "holdout_share": str(HOLDOUT_SHARE),
        "small_stratum_users": "0",
        "small_stratum_holdout_share": str(HOLDOUT_SHARE),
        "minimum_audience": "5",
        "maximum_audience": "1000000",
        "daily_capacity": str(capacity[campaign]),
        "approval_above_users": "100000",
        "approval_above_cost": "100000",
        "goal_days": str(REST_DAYS),
    }


def _contact_rule(row: Row) -> Row:
    if row["channel"] in {"any", "offer", "coupon", "call"}:
        # hours are less than days: a round's messages do not all arrive at the same hour
        return row | {"hours_between": str(24 * (REST_DAYS - 2)), "most_in_30_days": "2"}
    return row


def _definition(row: Row) -> Row | None:
    return row | {"is_in_force": "true"} if row["definition_id"] == DEFINITION else None


def _rewrite(path: Path, change: Callable[[Row], Row | None]) -> None:
    with path.open(encoding="utf-8", newline="") as lines:
        reader = csv.DictReader(lines)
        columns = list(reader.fieldnames or [])
        rows = [changed for row in reader if (changed := change(row)) is not None]
    with path.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)

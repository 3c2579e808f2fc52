"""What the page of the day is made of: questions to the published tables, each answered in one query."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from serving.snapshots import Snapshot

TIERS = ("high", "medium", "low")
#: Where users of the day before came from, or went to, beside the tiers.
NEW, GONE = "new", "gone"

# The rows that a refresh replaced look back at the list's own day.
DAYS = """
select
    max(previous_as_of_date) filter (where previous_as_of_date < as_of_date) as previous_day,
    max(horizon_days) as horizon_days
from user_risk_tiers
"""

TIER_COUNTS = """
select as_of_date, risk_tier, count(*) as users
from user_risk_tiers_history
where as_of_date in ($day, $previous_day)
group by as_of_date, risk_tier
"""

TIER_FLOW = """
with

now_scored as (
    select user_id, risk_tier from user_risk_tiers
),

then_scored as (
    select user_id, risk_tier from user_risk_tiers_history where as_of_date = $previous_day
)

select
    coalesce(then_scored.risk_tier, 'new') as from_tier,
    coalesce(now_scored.risk_tier, 'gone') as to_tier,
    count(*) as users
from now_scored
full join then_scored on now_scored.user_id = then_scored.user_id
group by all
"""

TIERS_BY_VALUE = """
select value_tier, risk_tier, count(*) as users
from user_risk_tiers
group by value_tier, risk_tier
"""

REVENUE_BY = """
select
    {column} as part,
    count(*) as users,
    sum(churn_probability * value_if_staying) as revenue_at_risk,
    sum(value_if_staying) as revenue_if_staying
from user_risk_tiers
group by part
order by revenue_at_risk desc nulls last, part
"""

GATES = """
select
    gate,
    count(*) as rules,
    count(*) filter (not is_good) as broken,
    arg_max(message, not is_good) filter (not is_good) as message
from data_quality_report
where report_kind = 'gate_rule' and as_of_date = $day
group by gate
order by gate
"""

DELIVERIES = """
select
    max(known_on) as newest_known_on,
    max(delivery_date) as newest_delivery_date,
    count(*) filter (delivery_date = (select max(delivery_date) from data_quality_report)) as deliveries,
    coalesce(sum(rows_received) filter (
        delivery_date = (select max(delivery_date) from data_quality_report)
    ), 0) as rows_received,
    coalesce(sum(rows_quarantined) filter (
        delivery_date = (select max(delivery_date) from data_quality_report)
    ), 0) as rows_quarantined,
    count(*) filter (status = 'refused') as refused
from data_quality_report
where report_kind = 'delivery'
"""

CAMPAIGNS = """
select
    campaign_id,
    any_value(action) as action,
    count(*) filter (arm = 'treatment') as users_chosen,
    count(*) filter (arm = 'holdout') as users_held_out,
    sum(cost) filter (arm = 'treatment') as cost,
    sum(expected_net_value) filter (arm = 'treatment') as expected_net_value
from campaign_actions
group by campaign_id
order by users_chosen desc, campaign_id
"""

ALERTS = """
select *
from risk_alerts
order by raised_at desc, alert_id
limit 12
"""


@dataclass(frozen=True)
class TierCount:
    """Users of a tier today, and on the day before if there was one."""

    tier: str
    users: int
    users_before: int | None

    @property
    def change(self) -> int | None:
        """How many more they are than on the day before."""
        return None if self.users_before is None else self.users - self.users_before


def days(snapshot: Snapshot) -> tuple[date | None, int]:
    """Return the day that today's tiers look back at, None on the first, and how far scores look ahead."""
    row = snapshot.rows(DAYS)[0]
    return row["previous_day"], row["horizon_days"] or 0


def tier_counts(snapshot: Snapshot, before: date | None) -> Sequence[TierCount]:
    """Return how many users each tier holds, the riskiest first."""
    rows = snapshot.rows(TIER_COUNTS, {"day": snapshot.as_of_date, "previous_day": before})
    users = {(row["as_of_date"], row["risk_tier"]): row["users"] for row in rows}
    return [
        TierCount(
            tier,
            users.get((snapshot.as_of_date, tier), 0),
            None if before is None else users.get((before, tier), 0),
        )
        for tier in TIERS
    ]


def tier_flow(snapshot: Snapshot, before: date | None) -> Mapping[tuple[str, str], int]:
    """Return how many users went from which tier to which; empty on the first day."""
    if before is None:
        return {}
    rows = snapshot.rows(TIER_FLOW, {"previous_day": before})
    return {(row["from_tier"], row["to_tier"]): row["users"] for row in rows}


def tiers_by_value(snapshot: Snapshot) -> Mapping[tuple[str, str], int]:
    """Return how many users of each value tier are in each risk tier."""
    return {(row["value_tier"], row["risk_tier"]): row["users"] for row in snapshot.rows(TIERS_BY_VALUE)}


def revenue_at_risk(snapshot: Snapshot, column: str) -> Sequence[Mapping[str, Any]]:
    """Return what the loss of users would cost by a column, weighed by how likely each is."""
    if column not in ("value_tier", "country", "risk_tier"):
        raise ValueError(f"revenue is not told by {column!r}")
    return snapshot.rows(REVENUE_BY.format(column=column))


def gate_results(snapshot: Snapshot) -> Sequence[Mapping[str, Any]]:
    """Return each gate of the day with its rules and how many are broken."""
    return snapshot.rows(GATES, {"day": snapshot.as_of_date})


def deliveries(snapshot: Snapshot) -> Mapping[str, Any]:
    """Return what came last, and how much of it was set aside."""
    return snapshot.rows(DELIVERIES)[0]


def campaigns_chosen(snapshot: Snapshot) -> Sequence[Mapping[str, Any]]:
    """Return how many users each campaign chose and held out today."""
    return snapshot.rows(CAMPAIGNS)


def newest_alerts(snapshot: Snapshot) -> Sequence[Mapping[str, Any]] | None:
    """Return the newest warnings; None where the snapshot is older than warnings are."""
    if "risk_alerts" not in snapshot.manifest.tables:
        return None
    return snapshot.rows(ALERTS)

"""What is published of one user: one question per table, each by the user's id alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from serving.pages.viewers import Viewer, is_pseudonym
from serving.snapshots import Snapshot

Row = Mapping[str, Any]

EXISTS = """
select user_id from user_features_latest where user_id = $user_id
union
select user_id from user_risk_tiers where user_id = $user_id
"""

BY_PSEUDONYM = """
with

users as (
    select user_id from user_features_latest
    union
    select user_id from user_risk_tiers
)

select user_id from users where {pseudonym} = $pseudonym
order by user_id
limit 1
"""

ONE_ROW = "select * from {table} where user_id = $user_id limit 1"

TIERS_OVER_TIME = """
select as_of_date, churn_probability, risk_tier, tier_reason
from user_risk_tiers_history
where user_id = $user_id
order by as_of_date
"""

TIMELINE = """
select happened_on, kind, times, amount
from user_timeline
where user_id = $user_id
order by happened_on desc, kind
"""

SENT = """
select campaign_id, arm, action, channel, handed_over_at, opened_at, clicked_at, coupon_redeemed_on
from campaign_trail
where user_id = $user_id and message_id is not null
order by handed_over_at desc
limit 50
"""

ELIGIBILITY = """
select campaign_id, is_eligible, suppression_reason, channel
from campaign_eligibility
where user_id = $user_id and campaign_id <> 'global_control'
order by campaign_id
"""

PRODUCTS = """
select recommendation_rank, product_id, category, reason_sentence_en, reason_sentence_zh
from user_recommendations
where user_id = $user_id
order by recommendation_rank
limit 5
"""

ALERTS = """
select *
from risk_alerts
where user_id = $user_id
order by raised_at desc, alert_id
limit 10
"""


@dataclass(frozen=True)
class UserFacts:
    """What is published of one user.

    Attributes
    ----------
    user_id : str
        The user, as the shop names them.
    tier : mapping, optional
        The day's score and tier; None: not scored, because not eligible.
    listed : mapping, optional
        The row of the list, with sentences; None: not on the list.
    features : mapping, optional
        What the user did, in figures.
    history : sequence of mappings
        Score and tier day by day.
    timeline : sequence of mappings, optional
        Events by day and kind, the newest first; None: the snapshot is older than timelines.
    action : mapping, optional
        What was decided today; None: nothing.
    eligibility : sequence of mappings
        Each campaign, and why not.
    products : sequence of mappings
        What is recommended.
    sent : sequence of mappings
        What was handed over, the newest first.
    alerts : sequence of mappings
        Warnings, the newest first.
    """

    user_id: str
    tier: Row | None
    listed: Row | None
    features: Row | None
    history: Sequence[Row]
    timeline: Sequence[Row] | None
    action: Row | None
    eligibility: Sequence[Row]
    products: Sequence[Row]
    sent: Sequence[Row]
    alerts: Sequence[Row]

    @property
    def reasons(self) -> Sequence[Row]:
        """The reasons for the score, the strongest first, with their sentences where there are any."""
        row = {**(self.tier or {}), **(self.listed or {})}
        return [
            {
                "code": row[f"reason_{place}_code"],
                "contribution": row[f"reason_{place}_contribution"],
                "sentence_en": row.get(f"reason_{place}_sentence_en") or "",
                "sentence_zh": row.get(f"reason_{place}_sentence_zh") or "",
            }
            for place in (1, 2, 3)
            if row.get(f"reason_{place}_code")
        ]

    @property
    def may_be_contacted(self) -> bool:
        """Whether anything may be handed over: not to who is held out, nor to whom campaigns leave alone."""
        is_held_out = self.action is not None and self.action["arm"] != "treatment"
        return not is_held_out and (self.listed is None or bool(self.listed["may_be_contacted"]))


def find_user(snapshot: Snapshot, viewer: Viewer, asked: str) -> str | None:
    """Return the id of the user that somebody asks for, or None.

    Who may not see user ids asks by pseudonym only: otherwise a guess at an id would tell its pseudonym.
    """
    if viewer.sees_user_ids and snapshot.rows(EXISTS, {"user_id": asked}):
        return asked
    if not is_pseudonym(asked):
        return None
    query = BY_PSEUDONYM.format(pseudonym=viewer.pseudonym_sql)
    found = snapshot.rows(query, {"pseudonym": asked, "pseudonym_salt": viewer.pseudonym_salt})
    return str(found[0]["user_id"]) if found else None


def facts_of(snapshot: Snapshot, user_id: str) -> UserFacts:
    """Return what is published of a user."""
    tables = snapshot.manifest.tables
    asked = {"user_id": user_id}

    def one(table: str) -> Row | None:
        found = snapshot.rows(ONE_ROW.format(table=table), asked)
        return found[0] if found else None

    return UserFacts(
        user_id=user_id,
        tier=one("user_risk_tiers"),
        listed=one("at_risk_users"),
        features=one("user_features_latest"),
        history=snapshot.rows(TIERS_OVER_TIME, asked),
        timeline=snapshot.rows(TIMELINE, asked) if "user_timeline" in tables else None,
        action=one("campaign_actions"),
        eligibility=snapshot.rows(ELIGIBILITY, asked),
        products=snapshot.rows(PRODUCTS, asked),
        sent=snapshot.rows(SENT, asked),
        alerts=snapshot.rows(ALERTS, asked) if "risk_alerts" in tables else [],
    )

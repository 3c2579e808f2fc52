"""What the page of campaigns is made of: who may be contacted, who was, what it changed, what went wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from serving.pages.published import Row, is_published, rows_of
from serving.pages.small_cells import FEWEST_USERS, Group, folded, step_of_ten, two_digits
from serving.snapshots import Snapshot

EVERYBODY = "all"
#: Steps of the funnel, from the contact to the order.
STEPS = ("sent", "opened", "clicked", "redeemed", "ordered")
AMOUNTS = ("attributed_revenue", "contact_cost", "coupon_redeemed_value")
ELIGIBLE = "eligible"
MOST_SIGNS = 20

ELIGIBILITY = """
select campaign_id, coalesce(suppression_reason, 'eligible') as reason, count(*) as users
from campaign_eligibility
group by all
order by campaign_id, users desc, reason
"""

CHOSEN = """
select
    campaign_id,
    count(*) filter (arm = 'treatment') as users_treated,
    count(*) filter (arm = 'holdout') as users_held_out,
    sum(cost) filter (arm = 'treatment') as cost,
    sum(expected_net_value) filter (arm = 'treatment') as expected_net_value
from campaign_actions
group by campaign_id
"""

ASSIGNED = """
select
    experiment_id,
    any_value(campaign_id) as campaign_id,
    count(*) filter (arm = 'treatment') as treatment,
    count(*) filter (arm = 'holdout') as holdout,
    count(*) filter (arm = 'global_control') as global_control,
    count(*) filter (not is_recorded) as unrecorded,
    min(assigned_on) as first_on,
    max(assigned_on) as last_on
from campaign_assignments
group by experiment_id
order by experiment_id
"""

ABUSE = """
select
    sign,
    count(distinct user_id) as users,
    sum(orders) as orders,
    sum(discount_amount) as discount_amount
from coupon_abuse
group by sign
order by users desc, sign
"""

EFFECTS = """
where as_of_date = (
    select max(as_of_date) from campaign_effects as newest
    where newest.experiment_id = campaign_effects.experiment_id
)
order by experiment_id, is_guardrail, outcome, slice_name <> 'all', slice_name, slice_value
"""


@dataclass(frozen=True)
class Campaign:
    """One campaign today: how large it is, whether it can be learnt from, whom it may not contact.

    Attributes
    ----------
    reasons : mapping of str to int
        Users who may not be chosen, by reason; of several the first.
    rest : int or None
        Users of reasons that are not told apart, because they are few; None: there are none.
    """

    campaign_id: str
    design: Row
    eligible: int | None
    reasons: Mapping[str, int]
    rest: int | None
    chosen: Row


@dataclass(frozen=True)
class Campaigns:
    """Everything that the page says from what was published."""

    designs: Sequence[Row]
    eligibility: Sequence[Row]
    chosen: Mapping[str, Row]
    assigned: Sequence[Row]
    effects: Sequence[Row]
    attribution: Sequence[Row]
    contamination: Sequence[Row]
    sample_ratio: Sequence[Row]
    abuse: Sequence[Row]
    has_abuse_table: bool
    parity: Sequence[Row]
    uplift: Sequence[Row]

    @property
    def is_empty(self) -> bool:
        """Whether the shop has no campaign at all."""
        return not (self.designs or self.eligibility or self.assigned or self.effects)

    @property
    def over_all_users(self) -> Sequence[Row]:
        """Effects on everybody whom a campaign may reach."""
        return [row for row in self.effects if row["slice_name"] == EVERYBODY]

    @property
    def by_slice(self) -> Sequence[Row]:
        """Effects on churn of parts of the users."""
        return [row for row in self.effects if row["slice_name"] != EVERYBODY and row["outcome"] == "churned"]

    def campaigns(self, *, is_masked: bool) -> Sequence[Campaign]:
        """Return every campaign with its counts, small ones folded for those who see no single user."""
        designs = {row["campaign_id"]: row for row in self.designs}
        names = dict.fromkeys([*designs, *(row["campaign_id"] for row in self.eligibility)])
        found = []
        for name in names:
            counts = {row["reason"]: row["users"] for row in self.eligibility if row["campaign_id"] == name}
            rest = None
            if is_masked:
                shown = folded([Group(reason, {"users": users}) for reason, users in counts.items()])
                counts = {group.label: group.users for group in shown.groups}
                rest = shown.rest.users if shown.rest else None
            eligible = counts.pop(ELIGIBLE, None)
            found.append(
                Campaign(name, designs.get(name, {}), eligible, counts, rest, self.chosen.get(name, {}))
            )
        return found

    def funnel(self, *, is_masked: bool) -> Sequence[Row]:
        """Return contacts by campaign, action and channel; for some in steps of ten, few users left out."""
        if not is_masked:
            return self.attribution
        groups = {
            _label(row): Group(
                _label(row), {"ordered": row["ordered"], "not": max(0, row["sent"] - row["ordered"])}
            )
            for row in self.attribution
        }
        shown = {group.label for group in folded(list(groups.values()), is_sensitive=True).groups}
        return [
            {
                **row,
                **{step: step_of_ten(row[step]) for step in STEPS},
                **{amount: two_digits(row[amount]) for amount in AMOUNTS},
            }
            for row in self.attribution
            if _label(row) in shown and row["users_contacted"] >= FEWEST_USERS
        ]


@dataclass(frozen=True)
class Parity:
    """How even offers are over the groups of an attribute."""

    attribute: str
    kind: str
    groups: Sequence[Row]
    small: int

    @property
    def lowest(self) -> Row | None:
        """The group that is offered least, for its size."""
        return min(self.groups, key=lambda row: row["offered_share_ratio"], default=None)

    @property
    def highest(self) -> Row | None:
        """The group that is offered most, for its size."""
        return max(self.groups, key=lambda row: row["offered_share_ratio"], default=None)


def campaigns_of(snapshot: Snapshot) -> Campaigns:
    """Return what a run says of campaigns; empty where it is older than they are."""
    day = {"day": snapshot.as_of_date}
    effect_columns = (
        "as_of_date experiment_id campaign_id action slice_name slice_value outcome is_guardrail "
        "users_treated users_held_out users_pending mean_treated mean_held_out adjusted_difference "
        "adjusted_difference_low adjusted_difference_high total_difference reading verdict planned_users"
    )
    return Campaigns(
        designs=rows_of(
            snapshot,
            "campaign_design",
            "campaign_id experiment_id users_in_audience users_free minimum_audience holdout_share "
            "control_rate least_effect least_detectable_effect users_needed status reason",
            "order by users_in_audience desc, campaign_id",
        ),
        eligibility=_asked(
            snapshot, "campaign_eligibility", "campaign_id suppression_reason is_eligible", ELIGIBILITY
        ),
        chosen={
            row["campaign_id"]: row
            for row in _asked(snapshot, "campaign_actions", "campaign_id arm cost expected_net_value", CHOSEN)
        },
        assigned=_asked(
            snapshot,
            "campaign_assignments",
            "experiment_id campaign_id arm is_recorded assigned_on",
            ASSIGNED,
        ),
        effects=rows_of(snapshot, "campaign_effects", effect_columns, EFFECTS),
        attribution=rows_of(
            snapshot,
            "campaign_attribution",
            "campaign_id experiment_id action channel sent users_contacted opened clicked coupons_sent "
            "redeemed ordered attributed_orders attributed_revenue contact_cost coupon_redeemed_value",
            "where as_of_date = (select max(as_of_date) from campaign_attribution) "
            "order by campaign_id, action, channel",
        ),
        contamination=rows_of(
            snapshot,
            "campaign_contamination",
            "experiment_id campaign_id users_protected users_reached contacts",
            "order by users_reached desc, experiment_id",
        ),
        sample_ratio=rows_of(
            snapshot,
            "campaign_sample_ratio",
            "experiment_id campaign_id users_treated users_held_out expected_held_out p_value "
            "is_read_out_stopped",
            "order by experiment_id",
        ),
        abuse=_asked(snapshot, "coupon_abuse", "sign user_id orders discount_amount", ABUSE),
        has_abuse_table=is_published(snapshot, "coupon_abuse"),
        parity=rows_of(
            snapshot,
            "offer_parity",
            "attribute group_value kind users is_small users_chosen users_offered chosen_share offered_share "
            "offer_value_mean offered_share_ratio",
            "where as_of_date = $day order by kind desc, attribute, group_value",
            day,
        ),
        uplift=rows_of(
            snapshot,
            "uplift_report",
            "trained_as_of campaign_id model_version learner outcome metric estimate low high rows "
            "is_in_force note",
            "where trained_as_of = (select max(trained_as_of) from uplift_report) "
            "order by campaign_id, outcome, metric, learner",
        ),
    )


def parity_of(rows: Sequence[Row]) -> Sequence[Parity]:
    """Return how even offers are by attribute; groups of fewer than ten users are only counted."""
    found = []
    for attribute in dict.fromkeys(row["attribute"] for row in rows):
        own = [row for row in rows if row["attribute"] == attribute]
        told = [
            row
            for row in own
            if not row["is_small"] and row["users"] >= FEWEST_USERS and row["offered_share_ratio"] is not None
        ]
        small = sum(bool(row["is_small"]) or row["users"] < FEWEST_USERS for row in own)
        found.append(Parity(attribute, own[0]["kind"], told, small))
    return found


def may_be_read(row: Row) -> bool:
    """Tell whether an effect's means may be shown: an arm of few users would tell of single ones."""
    fewest: int = min(row["users_treated"], row["users_held_out"])
    return fewest >= FEWEST_USERS and bool(row["verdict"] != "stopped")


def _asked(snapshot: Snapshot, table: str, columns: str, sql: str) -> Sequence[Row]:
    return snapshot.rows(sql) if is_published(snapshot, table, columns) else []


def _label(row: Row) -> str:
    return f"{row['experiment_id']} {row['action']} {row['channel']}"

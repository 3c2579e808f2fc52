"""Gate 5, in the middle: what is done today, to whom, in which arm, and for how much."""

from typing import TYPE_CHECKING

from expectations.facts import Facts
from expectations.rules import Case, no_rows, none_of, suite

if TYPE_CHECKING:
    import great_expectations as gx
    import great_expectations.expectations as gxe

ELIGIBILITY = "campaigns.campaign_eligibility"
ACTIONS = "campaigns.campaign_actions"
CHOICES = "ml.action_choices"
POLICY = "seeds.campaign_policy"
OFFERS = "seeds.offers"
ASSIGNMENTS = "control.campaign_assignments"
CONTACTS = "control.campaign_contacts"
# Users are chosen before arms are drawn, so that what is spent differs from what was expected by chance:
# by more than five deviations in one day of four thousand years.
DEVIATIONS = 5
BUILD_AGAIN = "nothing is published; run the day again, and see docs/runbook.md#score_churn_risk if it stays"
CHOOSE_AGAIN = "nothing is published; choose again for the day; if it stays, campaigns/choose.py is at fault"


def campaign_actions(facts: Facts) -> "gx.ExpectationSuite":
    """Check what is done: to whom, in which arm, for how much."""
    return suite(
        ACTIONS,
        f"select * from {ACTIONS} where as_of_date in ({facts.days_sql})",
        [_chosen_rightly(facts), _left_alone(), _money(), _offers()],
    )


def _chosen_rightly(facts: Facts) -> "gxe.Expectation":
    ctes = f"""
actions as (select * from {{batch}}),
choices as (select * from {CHOICES} where as_of_date in ({facts.days_sql})),
counted as (
    select as_of_date as day, user_id, count(*) as actions from actions group by all
),
unfounded as (
    select choices.as_of_date as day, choices.campaign_id
    from choices left join {ELIGIBILITY} as eligibility
        on eligibility.as_of_date = choices.as_of_date and eligibility.user_id = choices.user_id
        and eligibility.campaign_id = choices.campaign_id
    where not coalesce(eligibility.is_eligible, false)
),
lost as (
    select choices.as_of_date as day, choices.campaign_id
    from choices left join actions
        on actions.as_of_date = choices.as_of_date and actions.user_id = choices.user_id
        and actions.campaign_id = choices.campaign_id
    where actions.user_id is null
)"""
    return none_of(
        [
            Case(
                "a_user_gets_one_action_a_day",
                "from counted where actions > 1 group by day having count(*) > 0",
                found="count(*) || ' users with several'",
                expected="at most one action per user and day",
                day="day",
                column_name="'user_id'",
            ),
            _of_campaign(
                "only_eligible_users_are_chosen",
                "from unfounded",
                found="users who are not",
                expected="users whom campaign_eligibility lets be chosen",
            ),
            _of_campaign(
                "whoever_is_chosen_has_an_action",
                "from lost",
                found="users without",
                expected="an action for every choice",
            ),
        ],
        rule="users_are_chosen_rightly",
        expected="one action for every user chosen, and only for eligible ones",
        remedy=CHOOSE_AGAIN,
        ctes=ctes,
    )


def _of_campaign(rule: str, rows: str, *, found: str, expected: str, column: str = "user_id") -> Case:
    """Count the offending users of each day and campaign; the rows have both columns."""
    return Case(
        rule,
        f"{rows} group by day, campaign_id",
        found=f"campaign_id || ': ' || count(*) || ' {found}'",
        expected=expected,
        day="day",
        column_name=f"'{column}'",
    )


def _within(rule: str, budget: str, *, spent: str, told: str = "") -> Case:
    """Compare what was spent with a budget of the seed; what cannot be compared is wrong, too."""
    return Case(
        rule,
        f"from compared where not coalesce({spent} <= {budget} + slack, spent is null)",
        found=f"campaign_id || ': ' || round({spent}, 2) || '{told}'",
        usual=f"'at most ' || {budget}",
        expected=f"at most {budget} of the seed campaign_policy",
        day="day",
        column_name="'cost'",
    )


def _left_alone() -> "gxe.Expectation":
    ctes = f"""
actions as (select * from {{batch}}),
recorded as (
    select arms.*, coalesce(policies.goal_days, 0)::integer as goal_days
    from {ASSIGNMENTS} as arms left join {POLICY} as policies using (experiment_id)
),
met as (
    select actions.*, actions.as_of_date as day, recorded.arm as recorded_arm,
        recorded.experiment_id as recorded_in, recorded.assigned_on, recorded.goal_days
    from actions inner join recorded on recorded.user_id = actions.user_id
)"""
    return none_of(
        [
            Case(
                "every_action_has_an_arm",
                "from actions where arm is null or arm not in ('treatment', 'holdout') group by as_of_date",
                found="count(*) || ' actions, for instance in the arm ' || coalesce(max(arm), 'NULL')",
                expected="treatment or holdout",
                day="as_of_date",
                column_name="'arm'",
            ),
            _of_campaign(
                "the_global_control_is_left_alone",
                "from met where recorded_arm = 'global_control'",
                found="of its users",
                expected="no action for users of the global control",
            ),
            _of_campaign(
                "a_recorded_arm_stays",
                "from met where recorded_in = experiment_id and recorded_arm is distinct from arm",
                found="users in another arm",
                expected="the arm that the ledger recorded",
                column="arm",
            ),
            _of_campaign(
                "a_holdout_is_left_alone_by_other_campaigns",
                "from met where recorded_in <> experiment_id and recorded_arm = 'holdout' "
                "and assigned_on < day and day < assigned_on + goal_days",
                found="users held out elsewhere",
                expected="no action for users held out in a running experiment",
            ),
        ],
        rule="whoever_is_to_be_left_alone_is",
        expected="no action for users held out or of the global control, and arms that stay",
        remedy=BUILD_AGAIN,
        ctes=ctes,
    )


def _money() -> "gxe.Expectation":
    ctes = f"""
costs as (
    select
        as_of_date as day, campaign_id, sum(cost) filter (where arm = 'treatment') as spent,
        sqrt(sum(cost * cost * holdout_share * (1 - holdout_share))) as deviation,
        count(*) filter (where cost is null or not isfinite(cost) or cost < 0) as unknown
    from (select * from {{batch}}) as batch group by all
),
spent_before as (
    select days.day, contacts.campaign_id, sum(contacts.cost) as spent
    from {CONTACTS} as contacts inner join (select distinct day from costs) as days
        on contacts.as_of_date < days.day
    where contacts.state in ('held', 'pending', 'claimed', 'unknown', 'sent')
    group by all
),
compared as (
    select
        costs.*, policies.budget_per_day, policies.budget, coalesce(before.spent, 0) as spent_so_far,
        {DEVIATIONS} * costs.deviation + 1e-6 as slack
    from costs
    left join {POLICY} as policies using (campaign_id)
    left join spent_before as before on before.day = costs.day and before.campaign_id = costs.campaign_id
)"""
    return none_of(
        [
            Case(
                "every_action_has_a_cost",
                "from compared where unknown > 0",
                found="campaign_id || ': ' || unknown || ' actions without'",
                expected="a cost of 0 or more",
                day="day",
                column_name="'cost'",
            ),
            _within("a_day_stays_within_its_budget", "budget_per_day", spent="spent"),
            _within(
                "a_campaign_stays_within_its_budget",
                "budget",
                spent="spent + spent_so_far",
                told=" in all",
            ),
        ],
        rule="costs_stay_within_budgets",
        expected="costs within the budgets of the seed campaign_policy",
        remedy=CHOOSE_AGAIN,
        ctes=ctes,
    )


def _offers() -> "gxe.Expectation":
    unknown = f"""
unknown as (
    select actions.as_of_date as day, actions.campaign_id, actions.offer_id
    from (select * from {{batch}}) as actions
    left join {POLICY} as policies using (campaign_id)
    left join {OFFERS} as offers on offers.offer_id = actions.offer_id
    where policies.offer_id is distinct from actions.offer_id or offers.action is distinct from actions.action
        or not coalesce(isfinite(offers.face_value) and offers.face_value >= 0, false)
)"""
    return no_rows(
        "offers_come_from_the_seed",
        "from unknown group by day, campaign_id",
        ctes=unknown,
        day="day",
        found="campaign_id || ': ' || coalesce(max(offer_id), 'no offer') || ' (' || count(*) || ' actions)'",
        expected="the campaign's own offer, as the seed offers has it",
        remedy=BUILD_AGAIN,
        column="offer_id",
    )

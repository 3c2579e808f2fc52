"""Gate 5: what campaigns do today, before it is published and anything can be handed over."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from expectations.facts import Facts
from expectations.rules import no_rows, suite
from expectations.suites.campaign_actions import (
    ACTIONS,
    ASSIGNMENTS,
    BUILD_AGAIN,
    CHOICES,
    CONTACTS,
    ELIGIBILITY,
    OFFERS,
    POLICY,
    campaign_actions,
)
from expectations.suites.planned import Planned

if TYPE_CHECKING:
    import great_expectations as gx

CONTAMINATION = "campaigns.campaign_contamination"
TIERS = "risk.user_risk_tiers_history"


def plans(_facts: Facts) -> Iterator[Planned]:
    """Yield the suites over eligibility, over what is done, and over whom it reached."""
    chosen = frozenset({"as_of_date", "user_id", "campaign_id"})
    policy = frozenset({"campaign_id", "experiment_id", "is_enabled", "offer_id", "goal_days"})
    money = frozenset({"budget", "budget_per_day"})
    arms = frozenset({"experiment_id", "user_id", "arm", "assigned_on"})
    done = chosen | {
        "experiment_id",
        "arm",
        "holdout_share",
        "action",
        "offer_id",
        "channel",
        "cost",
        "run_id",
    }
    yield Planned(
        ELIGIBILITY,
        {ELIGIBILITY: chosen | {"is_eligible"}, TIERS: frozenset({"as_of_date", "user_id"}), POLICY: policy},
        campaign_eligibility,
    )
    yield Planned(
        ACTIONS,
        {
            ACTIONS: done,
            CHOICES: chosen | {"run_id"},
            ELIGIBILITY: chosen | {"is_eligible"},
            ASSIGNMENTS: arms,
            CONTACTS: frozenset({"as_of_date", "campaign_id", "cost", "state"}),
            POLICY: policy | money,
            OFFERS: frozenset({"offer_id", "action", "face_value"}),
        },
        campaign_actions,
    )
    yield Planned(
        CONTAMINATION,
        {
            CONTAMINATION: frozenset({"as_of_date", "experiment_id", "users_reached", "users_protected"}),
            POLICY: policy,
        },
        campaign_contamination,
    )


def campaign_eligibility(facts: Facts) -> "gx.ExpectationSuite":
    """Check that everybody scored met every enabled campaign: whoever is missing was decided by accident."""
    days = ", ".join(f"(date '{day}')" for day in facts.as_of_dates)
    counted = f"""
met as (select as_of_date, count(*) as users from (select * from {{batch}}) as batch group by all),
scored as (select as_of_date, count(*) as users from {TIERS} group by all),
policies as (
    select
        count(*) as lines,
        count(*) filter (where is_enabled and experiment_id <> 'global_control') as enabled
    from {POLICY}
),
counted as (
    select
        as_of_dates.day, coalesce(met.users, 0) as found, policies.lines,
        coalesce(scored.users, 0) * policies.enabled as wanted
    from (values {days}) as as_of_dates (day)
    cross join policies
    left join met on met.as_of_date = as_of_dates.day
    left join scored on scored.as_of_date = as_of_dates.day
)"""
    return suite(
        ELIGIBILITY,
        f"select * from {ELIGIBILITY} where as_of_date in ({facts.days_sql})",
        [
            no_rows(
                "everybody_scored_met_every_campaign",
                "from counted where found <> wanted or lines = 0",
                ctes=counted,
                day="day",
                found="found || ' rows'",
                usual="wanted || ' rows'",
                expected="a row for every scored user and enabled campaign",
                remedy=BUILD_AGAIN,
            )
        ],
    )


def campaign_contamination(facts: Facts) -> "gx.ExpectationSuite":
    """Check that whoever must be left alone and was reached is counted, in every experiment.

    That somebody was reached is an alarm, and no reason to close: it is past, nothing mends it, and the list
    would never be published again.
    """
    days = ", ".join(f"(date '{day}')" for day in facts.as_of_dates)
    counted = f"""
told as (select as_of_date, count(*) as experiments from (select * from {{batch}}) as batch group by all),
policies as (select count(*) as experiments from {POLICY}),
counted as (
    select as_of_dates.day, coalesce(told.experiments, 0) as found, policies.experiments as wanted
    from (values {days}) as as_of_dates (day)
    cross join policies
    left join told on told.as_of_date = as_of_dates.day
)"""
    return suite(
        CONTAMINATION,
        f"select * from {CONTAMINATION} where as_of_date in ({facts.days_sql})",
        [
            no_rows(
                "every_experiment_was_looked_at",
                "from counted where found < wanted or wanted = 0",
                ctes=counted,
                day="day",
                found="found || ' experiments'",
                usual="'at least ' || wanted",
                expected="every experiment of the seed campaign_policy",
                remedy=BUILD_AGAIN,
            ),
            no_rows(
                "whoever_was_reached_is_counted",
                "from (select * from {batch}) as batch where users_reached + users_protected is null",
                day="as_of_date",
                found="experiment_id || ': NULL'",
                expected="a number of users for every experiment",
                remedy=BUILD_AGAIN,
                column="users_reached",
            ),
        ],
    )

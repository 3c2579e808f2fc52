"""Gate 4: the risk tables, before readers and marketing tools get them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from expectations import thresholds as limits
from expectations.facts import Facts
from expectations.history import share
from expectations.rules import core, no_rows, suite
from expectations.suites.planned import Planned

if TYPE_CHECKING:
    import great_expectations as gx
    import great_expectations.expectations as gxe

HISTORY = "risk.user_risk_tiers_history"
SCORES = "ml.churn_scores"
LIST = "reporting.at_risk_users"
RUN = "control.run"
TIERS = ("high", "medium", "low")
LOOK = (
    "compare the tiers with the scores and with the seeds tier_policy, risk_tier_cutoffs and warning_rules, "
    "run again"
)


def plans(_facts: Facts) -> Iterator[Planned]:
    """Yield the suites over the tiers and over the list that is published."""
    tiers = frozenset({"as_of_date", "user_id", "risk_tier", "tier_mode", "run_id"})
    scores = frozenset({"as_of_date", "user_id"})
    listed = frozenset({"as_of_date", "user_id", "risk_tier", "reason_1_sentence_en", "run_id"})
    yield Planned(HISTORY, {HISTORY: tiers, SCORES: scores}, user_risk_tiers_history)
    yield Planned(
        LIST, {LIST: listed, HISTORY: tiers, RUN: frozenset({"run_id", "as_of_date"})}, at_risk_users
    )


def user_risk_tiers_history(facts: Facts) -> "gx.ExpectationSuite":
    """Check the tiers of the days being run: everybody scored has one, and their shares make sense."""
    rows = f"select * from {HISTORY} where as_of_date in ({facts.days_sql})"
    return suite(HISTORY, rows, [*_everybody(facts), *_shares(facts)])


def _everybody(facts: Facts) -> "list[gxe.Expectation]":
    days = ", ".join(f"(date '{day}')" for day in facts.as_of_dates)
    counted = f"""
tiers as (select as_of_date, count(*) as users from (select * from {{batch}}) as batch group by all),
scores as (select as_of_date, count(*) as users from {SCORES} group by all),
counted as (
    select as_of_dates.day, coalesce(tiers.users, 0) as users, coalesce(scores.users, 0) as scored_users
    from (values {days}) as as_of_dates (day)
    left join tiers on tiers.as_of_date = as_of_dates.day
    left join scores on scores.as_of_date = as_of_dates.day
)"""
    return [
        no_rows(
            "everybody_scored_has_a_tier",
            "from counted where users = 0 or users <> scored_users",
            ctes=counted,
            day="day",
            found="users || ' users'",
            usual="scored_users || ' users, as scored'",
            expected="as many users as were scored, on every day that is run",
            remedy=LOOK,
        ),
        core(
            "ExpectColumnDistinctValuesToBeInSet",
            "tiers_are_known_ones",
            column="risk_tier",
            value_set=list(TIERS),
            expected=", ".join(TIERS),
            remedy=LOOK,
        ),
        core(
            "ExpectColumnProportionOfNonNullValuesToBeBetween",
            "nobody_is_without_a_tier",
            column="risk_tier",
            min_value=1,
            expected="no empty tier",
            remedy=LOOK,
        ),
    ]


def _shares(facts: Facts) -> "list[gxe.Expectation]":
    reach = limits.FEATURE_HISTORY_REACH_DAYS
    in_tiers = ", ".join(f"'{tier}'" for tier in TIERS)
    compared = f"""
shares as (
    select
        as_of_date as day, coalesce(tier_mode, 'cutoff') as mode, tier, count(*) as users,
        count(*) filter (where risk_tier = tier) / count(*) as held
    from {HISTORY} cross join (select unnest([{in_tiers}]) as tier) as tiers
    where as_of_date between date '{facts.as_of_dates[0]}' - {reach} and date '{facts.last_day}'
    group by all
),
compared as (
    select *, median(held) over (
        partition by mode, tier order by day
        range between interval {reach} day preceding and interval 1 day preceding
    ) as usual
    from shares
)"""
    judged = (
        f"from compared where day in ({facts.days_sql}) and users >= {limits.USERS_NEEDED} "
        "and exists (from {batch})"
    )
    found = "tier || ': ' || " + share("held")
    return [
        no_rows(
            "no_tier_holds_nearly_everybody",
            # where people or money set the limits, the low tier is meant for all the others
            f"{judged} and held > {limits.LARGEST_TIER_SHARE} and (mode = 'cutoff' or tier <> 'low')",
            ctes=compared,
            day="day",
            found=found,
            expected=f"at most {limits.LARGEST_TIER_SHARE:.0%} of the users in one tier",
            remedy=LOOK,
            column="risk_tier",
        ),
        no_rows(
            "tier_shares_are_as_usual",
            f"{judged} and abs(held - usual) > {limits.TIER_SHARE_JUMP}",
            ctes=compared,
            day="day",
            found=found,
            usual="'about ' || " + share("usual") + " || ', as on earlier days'",
            expected=f"shares within {100 * limits.TIER_SHARE_JUMP:g} points of earlier days'",
            remedy=LOOK,
            column="risk_tier",
        ),
    ]


def at_risk_users(facts: Facts) -> "gx.ExpectationSuite":
    """Check the list that leaves: the users at risk, all of them, explained, of one run."""
    days = ", ".join(f"(date '{day}')" for day in facts.as_of_dates)
    counted = f"""
listed as (select as_of_date, count(*) as users from (select * from {{batch}}) as batch group by all),
tiers as (
    select as_of_date, count(*) as users, count(*) filter (where risk_tier in ('high', 'medium')) as risky
    from {HISTORY} group by all
),
counted as (
    select
        as_of_dates.day, coalesce(listed.users, 0) as users, coalesce(tiers.risky, 0) as risky,
        coalesce(tiers.users, 0) as scored
    from (values {days}) as as_of_dates (day)
    left join listed on listed.as_of_date = as_of_dates.day
    left join tiers on tiers.as_of_date = as_of_dates.day
)"""
    other_runs = f"""from (select * from {{batch}}) as batch
where not exists (
    from {RUN} as run where run.run_id = batch.run_id and run.as_of_date = batch.as_of_date
)
group by as_of_date"""
    return suite(
        LIST,
        f"select * from {LIST} where as_of_date in ({facts.days_sql})",
        [
            no_rows(
                "the_list_is_not_empty",
                f"from counted where users = 0 and (scored = 0 or scored >= {limits.USERS_NEEDED})",
                ctes=counted,
                day="day",
                found="'nobody of ' || scored || ' scored users'",
                expected=f"somebody at risk among {limits.USERS_NEEDED} scored users or more",
                remedy=LOOK,
            ),
            no_rows(
                "the_list_is_complete",
                "from counted where users <> risky",
                ctes=counted,
                day="day",
                found="users || ' users'",
                usual="risky || ' users'",
                expected="every user of the high and medium tiers",
                remedy=LOOK,
            ),
            no_rows(
                "the_list_is_of_one_run",
                other_runs,
                day="as_of_date",
                found="count(*) || ' rows of ' || coalesce(max(run_id), 'no run')",
                expected="rows of the run in control.run only",
                remedy="build the risk marts again for the day that is run",
                column="run_id",
            ),
            no_rows(
                "everybody_listed_has_a_reason",
                "from (select * from {batch}) as batch where coalesce(reason_1_sentence_en, '') = '' "
                "having count(*) > 0",
                found="count(*) || ' users without a reason'",
                expected="a sentence for the first reason",
                remedy="add the reason's code to the seed reason_texts, then run the day again",
                column="reason_1_sentence_en",
            ),
        ],
    )

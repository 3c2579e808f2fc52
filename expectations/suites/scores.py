"""Gate 3: what the model wrote, before it becomes anybody's risk tier.

DuckDB holds NaN to be greater than every number, so a score is asked whether it lies between two
numbers and never whether it exceeds one. Faults are counted; no user is named in logs or pages.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from expectations import thresholds as limits
from expectations.facts import Facts
from expectations.rules import no_rows, suite
from expectations.suites import definition_scores
from expectations.suites.planned import Planned

if TYPE_CHECKING:
    import great_expectations as gx
    import great_expectations.expectations as gxe

TABLE = "ml.churn_scores"
FEATURES = "features.user_features"
COLUMNS = frozenset(
    [
        *("as_of_date", "user_id", "churn_probability", "churn_percentile", "churn_decile"),
        *("model_version", "horizon_days", "run_id"),
        *(f"reason_{number}_{part}" for number in (1, 2, 3) for part in ("code", "value", "contribution")),
    ]
)
SCORE_AGAIN = "nothing is published; see the log of the scoring task, mend or change the model, score again"


def plans(facts: Facts) -> Iterator[Planned]:
    """Yield the suites over the scores that make tiers and over those by definition."""
    needs = {TABLE: COLUMNS, FEATURES: frozenset({"as_of_date", "user_id", "is_eligible"})}
    yield Planned(TABLE, needs, churn_scores)
    yield from definition_scores.plans(facts)


def churn_scores(facts: Facts) -> "gx.ExpectationSuite":
    """Check that every eligible user of the days being run has exactly one usable score."""
    rows = f"select * from {TABLE} where as_of_date in ({facts.days_sql})"
    return suite(TABLE, rows, [*_one_each(facts), *_ranges(), *_sense(facts)])


def _one_each(facts: Facts) -> "list[gxe.Expectation]":
    days = ", ".join(f"(date '{day}')" for day in facts.as_of_dates)
    counted = f"""
eligible as (
    select as_of_date, user_id from {FEATURES} where is_eligible and as_of_date in ({facts.days_sql})
),
scored as (
    select as_of_date, user_id, count(*) as scores from (select * from {{batch}}) as batch group by all
),
users as (
    select
        coalesce(eligible.as_of_date, scored.as_of_date) as day,
        count(scored.user_id) as scored_users,
        count(*) filter (where scored.user_id is null) as missing_users,
        count(*) filter (where eligible.user_id is null) as surplus_users,
        count(*) filter (where scored.scores > 1) as repeated_users
    from eligible
    full join scored on scored.as_of_date = eligible.as_of_date and scored.user_id = eligible.user_id
    group by all
),
counted as (
    select as_of_dates.day, users.* exclude (day)
    from (values {days}) as as_of_dates (day) left join users on users.day = as_of_dates.day
)"""
    rules = {
        "every_day_is_scored": (
            "coalesce(scored_users, 0) = 0",
            "'no score'",
            "scores on every day that is run",
        ),
        "every_eligible_user_is_scored": (
            "missing_users > 0",
            "missing_users || ' eligible users without a score'",
            "a score for every eligible user",
        ),
        "nobody_is_scored_twice": (
            "repeated_users > 0",
            "repeated_users || ' users with several scores'",
            "one score per eligible user",
        ),
        "only_eligible_users_are_scored": (
            "surplus_users > 0",
            "surplus_users || ' users who are not eligible'",
            "no score for anybody else",
        ),
    }
    return [
        no_rows(
            rule,
            f"from counted where {condition}",
            ctes=counted,
            day="day",
            found=found,
            expected=expected,
            remedy=SCORE_AGAIN,
        )
        for rule, (condition, found, expected) in rules.items()
    ]


def _ranges() -> "list[gxe.Expectation]":
    contributions = " and ".join(
        f"(reason_{number}_code is null or isfinite(reason_{number}_contribution))" for number in (1, 2, 3)
    )
    usable = {
        "churn_probability": ("churn_probability between 0 and 1", "a number from 0 to 1"),
        "churn_percentile": ("churn_percentile between 0 and 100", "a number from 0 to 100"),
        "churn_decile": ("churn_decile between 1 and 10", "a whole number from 1 to 10"),
        "reason_1_code": (f"reason_1_code is not null and {contributions}", "a reason that can be weighed"),
        "horizon_days": ("horizon_days > 0", "a number of days"),
        "model_version": ("length(model_version) > 0", "the version of the model"),
        "run_id": ("length(run_id) > 0", "the id of the run"),
    }
    return [
        no_rows(
            f"{column}_can_be_used",
            # NULL and NaN make a condition NULL or false, never true
            f"from (select * from {{batch}}) as batch where ({condition}) is not true group by as_of_date",
            day="as_of_date",
            found="count(*) || ' scores where it cannot be used'",
            expected=expected,
            remedy=SCORE_AGAIN,
            column=column,
        )
        for column, (condition, expected) in usable.items()
    ]


def _sense(facts: Facts) -> "list[gxe.Expectation]":
    reach = limits.FEATURE_HISTORY_REACH_DAYS
    compared = f"""
by_day as (
    select as_of_date as day, avg(churn_probability) as mean, count(*) as users
    from {TABLE}
    where isfinite(churn_probability)
        and as_of_date between date '{facts.as_of_dates[0]}' - {reach} and date '{facts.last_day}'
    group by as_of_date
),
compared as (
    select *, median(mean) over (
        order by day range between interval {reach} day preceding and interval 1 day preceding
    ) as usual
    from by_day
)"""
    by_day = "from (select * from {batch}) as batch group by as_of_date having"
    return [
        no_rows(
            "the_mean_score_is_as_usual",
            f"""from compared
where day in ({facts.days_sql}) and users >= {limits.USERS_NEEDED} and exists (from {{batch}})
    and abs(mean - usual) > {limits.SCORE_MEAN_JUMP}""",
            ctes=compared,
            day="day",
            found="'a mean of ' || round(mean, 3)",
            usual="'about ' || round(usual, 3)",
            expected=f"a mean probability within {limits.SCORE_MEAN_JUMP:g} of earlier days'",
            remedy=SCORE_AGAIN,
            column="churn_probability",
        ),
        no_rows(
            "scores_tell_users_apart",
            f"{by_day} count(*) >= {limits.USERS_NEEDED} and min(churn_probability) = max(churn_probability)",
            day="as_of_date",
            found="'one probability for ' || count(*) || ' users'",
            expected="more than one probability",
            remedy=SCORE_AGAIN,
            column="churn_probability",
        ),
        no_rows(
            "a_day_has_one_model",
            f"{by_day} count(distinct (model_version, horizon_days)) > 1",
            day="as_of_date",
            found="count(distinct (model_version, horizon_days)) || ' models or horizons'",
            expected="one model and one horizon per day",
            remedy=SCORE_AGAIN,
            column="model_version",
        ),
    ]

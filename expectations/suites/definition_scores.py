"""Gate 3, beside the scores that make tiers: what every other definition of churn says of its users."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from expectations import thresholds as limits
from expectations.facts import Facts
from expectations.rules import Case, no_rows, none_of, suite
from expectations.suites.planned import Planned

if TYPE_CHECKING:
    import great_expectations as gx
    import great_expectations.expectations as gxe

TABLE = "ml.definition_scores"
POPULATIONS = "features.definition_populations"
SCORES = "ml.churn_scores"
KEY = frozenset({"as_of_date", "user_id", "definition_id"})
SCORED = frozenset({"churn_probability", "churn_percentile", "churn_decile", "horizon_days", "model_version"})
SCORE_AGAIN = "nothing is published; see the log of the scoring task, mend or change the model, score again"


def plans(_facts: Facts) -> Iterator[Planned]:
    """Yield the suite over the scores by definition."""
    needs = {
        TABLE: KEY | SCORED | {"run_id"},
        POPULATIONS: KEY,
        SCORES: frozenset({"as_of_date", "user_id", "churn_probability", "model_version"}),
    }
    yield Planned(TABLE, needs, definition_scores)


def definition_scores(facts: Facts) -> "gx.ExpectationSuite":
    """Check that a definition that scores at all scores everybody it is asked of once, and nobody else.

    A definition for which there is no model yet scores nobody; one that scored lately scores again.
    """
    rows = f"select * from {TABLE} where as_of_date in ({facts.days_sql})"
    return suite(TABLE, rows, [_one_each(facts), *_ranges(), _same_as_the_tiers_use()])


def _one_each(facts: Facts) -> "gxe.Expectation":
    reach = limits.FEATURE_HISTORY_REACH_DAYS
    days = ", ".join(f"(date '{day}')" for day in facts.as_of_dates)
    counted = f"""
asked as (
    select as_of_date, definition_id, user_id from {POPULATIONS} where as_of_date in ({facts.days_sql})
),
scored as (
    select as_of_date, definition_id, user_id, count(*) as scores
    from (select * from {{batch}}) as batch group by all
),
scored_lately as (
    select distinct as_of_date, definition_id from {TABLE}
    where as_of_date between date '{facts.as_of_dates[0]}' - {reach} and date '{facts.last_day}'
),
matched as (
    select
        coalesce(asked.as_of_date, scored.as_of_date) as day,
        coalesce(asked.definition_id, scored.definition_id) as definition,
        count(scored.user_id) as scored_users,
        count(*) filter (where scored.user_id is null) as users_left_out,
        count(*) filter (where asked.user_id is null) as surplus_users,
        count(*) filter (where scored.scores > 1) as repeated_users
    from asked
    full join scored
        on scored.as_of_date = asked.as_of_date and scored.definition_id = asked.definition_id
        and scored.user_id = asked.user_id
    group by all
),
counted as (
    select *, case when exists (
        from scored_lately
        where definition_id = definition and as_of_date between day - {reach} and day
    ) then users_left_out else 0 end as missing_users
    from matched
),
by_day as (
    select as_of_dates.day, count(tiers.model_version) as users_of_the_tiers_model
    from (values {days}) as as_of_dates (day)
    left join (select * from {{batch}}) as batch on batch.as_of_date = as_of_dates.day
    left join (select distinct as_of_date, model_version from {SCORES}) as tiers
        on tiers.as_of_date = batch.as_of_date and tiers.model_version = batch.model_version
    group by as_of_dates.day
)"""

    def case(rule: str, column: str, found: str, expected: str) -> Case:
        said = f"definition || ': ' || {column} || ' {found}'"
        return Case(rule, f"from counted where {column} > 0", said, expected, day="day")

    return none_of(
        [
            Case(
                "the_definition_that_drives_the_tiers_is_among_them",
                "from by_day where users_of_the_tiers_model = 0",
                "'no score of the model that makes the tiers'",
                "the definition in force beside the others, on every day that is run",
                day="day",
            ),
            case(
                "everybody_a_definition_asks_of_is_scored",
                "missing_users",
                "users without a score",
                "a score for everybody in the population of a definition that scores now or did lately",
            ),
            case(
                "a_definition_scores_nobody_else",
                "surplus_users",
                "users whom it is not asked of",
                "no score for anybody else",
            ),
            case(
                "a_definition_scores_nobody_twice",
                "repeated_users",
                "users with several scores",
                "one score per definition and user",
            ),
        ],
        rule="every_definition_scores_its_population_once",
        expected="one score for everybody in a definition's population, and none for others",
        remedy=SCORE_AGAIN,
        ctes=counted,
    )


def _ranges() -> "list[gxe.Expectation]":
    usable = {
        "churn_probability": ("churn_probability between 0 and 1", "a number from 0 to 1"),
        "churn_percentile": ("churn_percentile between 0 and 100", "a number from 0 to 100"),
        "churn_decile": ("churn_decile between 1 and 10", "a whole number from 1 to 10"),
        "horizon_days": ("horizon_days > 0", "a number of days"),
        "model_version": ("length(model_version) > 0", "the version of the model"),
        "run_id": ("length(run_id) > 0", "the id of the run"),
    }
    return [
        no_rows(
            f"{column}_can_be_used",
            # NULL and NaN make a condition NULL or false, never true
            f"from (select * from {{batch}}) as batch where ({condition}) is not true "
            "group by as_of_date, definition_id",
            day="as_of_date",
            found="definition_id || ': ' || count(*) || ' scores where it cannot be used'",
            expected=expected,
            remedy=SCORE_AGAIN,
            column=column,
        )
        for column, (condition, expected) in usable.items()
    ]


def _same_as_the_tiers_use() -> "gxe.Expectation":
    """Compare the definition in force, by its model, with the scores that make the tiers."""
    return no_rows(
        "one_model_says_one_thing_of_a_user",
        f"from (select * from {{batch}}) as batch inner join {SCORES} as scores "
        "on scores.as_of_date = batch.as_of_date and scores.user_id = batch.user_id "
        "and scores.model_version = batch.model_version "
        "where scores.churn_probability is distinct from batch.churn_probability "
        "group by batch.as_of_date, batch.definition_id",
        day="batch.as_of_date",
        found="batch.definition_id || ': ' || count(*) || ' users with another score in churn_scores'",
        expected="the same probability in churn_scores where the same model gave it",
        remedy=SCORE_AGAIN,
        column="churn_probability",
    )

"""Gate 2: the features, before a model sees them.

A day's features are held against the newest earlier days in the table; features that the shop cannot
have are NULL on purpose and left alone.
"""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from expectations import thresholds as limits
from expectations.facts import Facts
from expectations.history import against_earlier_days, profile, share
from expectations.rules import Case, no_rows, none_of, quoted, suite, text
from expectations.suites import staged
from expectations.suites.planned import Planned

if TYPE_CHECKING:
    import great_expectations as gx
    import great_expectations.expectations as gxe

TABLE = "features.user_features"
KEY = frozenset({"as_of_date", "user_id", "is_eligible"})
LOOK = f"compare the two days in {TABLE}; mend the delivery or the model, then run the day again"
EARLIER = (
    "over (partition by column_name order by day "
    f"range between interval {limits.FEATURE_HISTORY_REACH_DAYS} day preceding and interval 1 day preceding)"
)


def plans(facts: Facts) -> Iterator[Planned]:
    """Yield the suites over the staged tables and over the features."""
    yield from staged.plans(facts)
    yield Planned(TABLE, {TABLE: KEY | {"days_since_last_paid_order"}}, user_features)


def user_features(facts: Facts) -> "gx.ExpectationSuite":
    """Check the features of the days being run: users, freshness, and every feature's distribution."""
    rows = f"select * from {TABLE} where as_of_date in ({facts.days_sql})"
    return suite(TABLE, rows, [*_users(facts), _features(facts), *_finite(facts)])


def _users(facts: Facts) -> "list[gxe.Expectation]":
    days = ", ".join(f"(date '{day}')" for day in facts.as_of_dates)
    counted = f"""
counted as (
    select
        as_of_dates.day,
        count(features.user_id) as users,
        count(*) filter (where features.is_eligible) as eligible_users,
        min(features.days_since_last_paid_order) as newest_order_days
    from (values {days}) as as_of_dates (day)
    left join (select * from {{batch}}) as features on features.as_of_date = as_of_dates.day
    group by as_of_dates.day
)"""
    compared = f"""
profiled as (
    select as_of_date as day, null as column_name, count(*) filter (where is_eligible) as users
    from {TABLE} where {_compared_days(facts)} group by as_of_date
),
compared as (select *, median(users) {EARLIER} as usual from profiled)"""
    lowest, highest = limits.USERS_RATIO
    return [
        no_rows(
            "every_day_has_eligible_users",
            "from counted where eligible_users = 0",
            ctes=counted,
            day="day",
            found="users || ' users, ' || eligible_users || ' of them eligible'",
            expected="users, some of them eligible, on every day that is run",
            remedy="look at the raw orders of that day and at the quarantine",
        ),
        no_rows(
            "the_newest_order_is_fresh",
            f"from counted where newest_order_days > {facts.freshness_days} or newest_order_days is null",
            ctes=counted,
            day="day",
            found="'newest order ' || coalesce(newest_order_days || ' days before', 'missing')",
            expected=f"an order in the last {facts.freshness_days} days",
            remedy="find out why the shop's deliveries stopped; the old list stays published meanwhile",
            column="days_since_last_paid_order",
        ),
        no_rows(
            "as_many_users_as_usual",
            f"""from compared
where day in ({facts.days_sql}) and usual >= {limits.USERS_NEEDED}
    and users not between {lowest} * usual and {highest} * usual and exists (from {{batch}})""",
            ctes=compared,
            day="day",
            found="users || ' eligible users'",
            usual="'about ' || usual || ', as on earlier days'",
            expected=f"{lowest:g} to {highest:g} times the median of the earlier days",
            remedy=LOOK,
        ),
    ]


def _features(facts: Facts) -> "gxe.Expectation":
    names = [name for name in facts.columns[TABLE] if name not in KEY | facts.empty_features]
    profiled = profile(
        TABLE,
        "as_of_date",
        names,
        facts.numeric_columns(TABLE),
        f"{_compared_days(facts)} and {_sampled(facts)}",
    )
    counted = f"""
counted as (
    select day, count(*) as features, count(*) filter (where different > 1) as varying
    from compared where row_count >= {limits.USERS_NEEDED} group by day
)"""
    day = f"day in ({facts.days_sql}) and exists (from {{batch}})"
    judged = f"from compared where {day} and row_count >= {limits.USERS_NEEDED} and earlier_days > 0"
    jump, ratio = limits.FEATURE_EMPTY_SHARE_JUMP, limits.FEATURE_MEDIAN_RATIO
    steady = f"column_name not in ({_listed(facts.shop_driven_features)})"
    sized = f"column_name in ({_listed(facts.unit_features)})"
    by_feature = partial(Case, day="day", column_name="column_name")
    cases = [
        Case(
            "most_features_vary",
            f"from counted where {day} and varying < {limits.VARYING_FEATURES} * features",
            day="day",
            found="varying || ' of ' || features || ' features vary'",
            expected=f"at least {limits.VARYING_FEATURES:.0%} of the features differ from user to user",
        ),
        by_feature(
            "no_feature_is_suddenly_empty",
            f"{judged} and usual_empty < 1 and (empty = 1 or ({steady} and empty - usual_empty > {jump}))",
            found=share("empty") + " || ' empty'",
            usual=share("usual_empty") + " || ' empty, as on earlier days'",
            expected=f"no feature {jump:.0%} of the users emptier than on earlier days",
        ),
        by_feature(
            "no_feature_is_frozen",
            f"{judged} and {steady} and different = 1 and fewest_different > 2",
            found="'one value'",
            usual="'about ' || usual_different || ' values'",
            expected="a feature that varied on earlier days varies",
        ),
        by_feature(
            "features_keep_their_unit",
            f"""{judged} and {steady} and {sized}
    and middle not between usual_middle / {ratio} and usual_middle * {ratio}""",
            found="'median ' || round(middle, 4)",
            usual="'a median about ' || round(usual_middle, 4)",
            expected=f"a median within {ratio:g} times of earlier days' (unit, currency)",
        ),
    ]
    return none_of(
        cases,
        rule="features_are_as_usual",
        expected="every feature as full, as varied and as large as on earlier days",
        remedy=LOOK,
        ctes=f"{profiled}, {against_earlier_days(EARLIER)}, {counted}",
    )


def _finite(facts: Facts) -> "list[gxe.Expectation]":
    doubles = [name for name, kind in facts.columns[TABLE].items() if kind in {"DOUBLE", "FLOAT"}]
    if not doubles:
        return []
    counts = ", ".join(f"count_if(not isfinite({quoted(name)})) as {quoted(name)}" for name in doubles)
    counted = f"""
counted as (select {counts} from (select * from {{batch}}) as batch),
broken as (from (unpivot counted on {", ".join(map(quoted, doubles))} into name column_name value users))"""
    return [
        no_rows(
            "features_are_finite",
            "from broken where users > 0",
            ctes=counted,
            column_name="column_name",
            found="users || ' users with NaN or infinity'",
            expected="no NaN and no infinity",
            remedy=LOOK,
        )
    ]


def _listed(names: frozenset[str]) -> str:
    return ", ".join(map(text, sorted(names))) or "''"


def _sampled(facts: Facts) -> str:
    """Return the condition that keeps about as many users of each day as distributions need."""
    users = f"select count(*) from {TABLE} where as_of_date = date '{facts.last_day}'"
    return f"hash(user_id) % greatest(1, ({users}) // {limits.USERS_SAMPLED}) = 0"


def _compared_days(facts: Facts) -> str:
    """Return the condition that keeps the days being run and the newest days before each of them."""
    days = ", ".join(f"(date '{day}')" for day in facts.as_of_dates)
    return f"""as_of_date in (
    select day from (
        select
            earlier.day,
            row_number() over (partition by checked.day order by earlier.day desc) as days_back
        from (select distinct as_of_date as day from {TABLE}) as earlier
        inner join (values {days}) as checked (day) on earlier.day <= checked.day
            and earlier.day >= checked.day - {limits.FEATURE_HISTORY_REACH_DAYS}
    ) as ranked where days_back <= {limits.FEATURE_HISTORY_DAYS + 1})"""

"""Gate 1: what ingest accepted, before anything is computed from it.

A delivery day (``known_on``) is held against the delivered days before it. Ingest has already refused
files that break their declaration; this gate looks for what only the days together show.
"""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from expectations import thresholds as limits
from expectations.facts import Facts, RawTable
from expectations.history import against_earlier_days, last_week, profile, share
from expectations.rules import Case, core, no_rows, none_of, quoted, suite, text
from expectations.suites.planned import Planned

if TYPE_CHECKING:
    import great_expectations as gx
    import great_expectations.expectations as gxe

ASK_THE_SHOP = "ask the shop what changed, have the delivery corrected and redelivered, run the day again"
BATCH = "(select * from {batch}) as batch"


def plans(facts: Facts) -> Iterator[Planned]:
    """Yield one suite per raw table of the source."""
    for table in facts.raw_tables:
        needs = {table.name: frozenset({*table.columns, "known_on"})}
        needs |= {other: frozenset({key, "known_on"}) for other, key in table.references.values()}
        yield Planned(table.name, needs, partial(raw_table, table=table))


def raw_table(facts: Facts, table: RawTable) -> "gx.ExpectationSuite":
    """Check one raw table: volume, freshness, empty and frozen columns, units, signs, references."""
    rows = f"select * from {table.name} where known_on <= date '{facts.last_day}'"
    rules = [
        *_volume(facts, table),
        *_freshness(facts, table),
        none_of(
            [*_days(facts), *_weeks()],
            rule="columns_are_as_usual",
            expected="every column as full, as varied, as large and as positive as on earlier days",
            remedy=ASK_THE_SHOP,
            ctes=f"{_profiled(facts, table)}, {against_earlier_days()}, {last_week(facts.judged_sql)}",
        ),
        *(_reference(facts, column, *target) for column, target in table.references.items()),
    ]
    return suite(table.name, rows, rules)


def _volume(facts: Facts, table: RawTable) -> "list[gxe.Expectation]":
    lowest, highest = table.volume_ratio
    smallest = 1 if table.is_required else 0
    counted = f"""
profiled as (
    select
        known_on as day, null as column_name, count(*) as row_count, 0 as filled, 0 as different,
        null::double as middle, 0 as negative
    from {BATCH} group by known_on
), {against_earlier_days()}"""
    return [
        core(
            "ExpectTableRowCountToBeBetween",
            "the_table_has_rows",
            min_value=smallest,
            expected=f"at least {smallest} rows known by {facts.last_day}",
            remedy="deliver the table's files, or declare the table absent",
        ),
        no_rows(
            "volume_is_as_usual",
            f"""from compared
where day >= {facts.judged_sql} and day > {facts.history_sql}
    and earlier_days >= {limits.VOLUME_DAYS_NEEDED} and usual_rows >= {limits.USUAL_ROWS_NEEDED}
    and (row_count < {lowest} * usual_rows or row_count > {highest} * usual_rows)""",
            ctes=counted,
            day="day",
            found="row_count || ' rows'",
            usual="'about ' || usual_rows || ' rows, as on earlier days'",
            expected=f"{lowest:g} to {highest:g} times the median of the delivered days before",
            remedy=ASK_THE_SHOP,
        ),
    ]


def _freshness(facts: Facts, table: RawTable) -> "list[gxe.Expectation]":
    if table.event_time is None:
        return []
    column = quoted(table.event_time)
    local = f"({column} at time zone 'UTC' at time zone {text(facts.time_zone)})::date"
    event_day = local if table.columns[table.event_time] == "timestamp" else f"{column}::date"
    days = ", ".join(f"(date '{day}')" for day in facts.as_of_dates)
    usual = f"events.known_on between as_of_dates.day - {limits.TRAILING_DAYS + 7} and as_of_dates.day - 8"
    # a table that need not come every day is missed only when it used to come, and not in bursts
    missed = (
        "true"
        if table.is_required
        else (
            f"usual_days >= {limits.REGULAR_DAYS} and usual_rows >= {limits.USUAL_ROWS_NEEDED} * usual_days"
        )
    )
    newest = f"""
newest as (
    select
        as_of_dates.day,
        max(events.day) as event_day,
        coalesce(sum(events.row_count) filter (where {usual}), 0) as usual_rows,
        count(distinct events.known_on) filter (where {usual}) as usual_days
    from (values {days}) as as_of_dates (day)
    left join (
        select known_on, {event_day} as day, count(*) as row_count from {BATCH} group by all
    ) as events
        on events.known_on <= as_of_dates.day and events.day <= as_of_dates.day
    group by as_of_dates.day
)"""
    return [
        no_rows(
            "the_table_is_fresh",
            f"""from newest
where (event_day is null or event_day < day - {facts.freshness_days}) and {missed}""",
            ctes=newest,
            day="day",
            found="'newest event on ' || coalesce(event_day::varchar, 'no day')",
            expected=f"an event in the last {facts.freshness_days} days",
            remedy="find out why the shop's deliveries stopped; the old list stays published meanwhile",
            column=table.event_time,
        )
    ]


def _days(facts: Facts) -> list[Case]:
    """Hold each judged day against the median of the days before it."""
    judged = (
        f"from compared where day >= {facts.judged_sql} and row_count >= {limits.ROWS_NEEDED} "
        f"and earlier_days >= {limits.TRAILING_DAYS_NEEDED}"
    )
    jump, sparse, ratio = limits.EMPTY_SHARE_JUMP_DAY, limits.SPARSE, limits.MEDIAN_RATIO
    by_day = partial(Case, day="day", column_name="column_name")
    return [
        by_day(
            "a_day_has_no_emptier_columns_than_usual",
            f"{judged} and ((empty = 1 and usual_empty < {sparse}) or empty - usual_empty > {jump})",
            found=share("empty") + " || ' empty'",
            usual=share("usual_empty") + " || ' empty, as on earlier days'",
            expected=f"no column wholly empty that was filled in more than {1 - sparse:.0%} of the rows, "
            f"none {jump:.0%} of the rows emptier than usual",
        ),
        by_day(
            "a_day_has_no_frozen_columns",
            f"{judged} and filled >= {limits.USUAL_VALUES_NEEDED} and different = 1 "
            f"and fewest_different >= {limits.USUAL_VALUES_NEEDED}",
            found="'one value'",
            usual="'about ' || usual_different || ' values'",
            expected="a column that always varies varies",
        ),
        by_day(
            "amounts_keep_their_unit",
            f"{judged} and middle not between usual_middle / {ratio} and usual_middle * {ratio}",
            found="'median ' || round(middle, 4)",
            usual="'a median about ' || round(usual_middle, 4)",
            expected=f"a median within {ratio:g} times of earlier days' (unit, currency)",
        ),
        by_day(
            "amounts_keep_their_sign",
            f"{judged} and negative_share - usual_negative > {limits.NEGATIVE_SHARE_JUMP}",
            found=share("negative_share") + " || ' negative'",
            usual=share("usual_negative") + " || ' negative, as on earlier days'",
            expected="about as many negative values as on earlier days",
        ),
    ]


def _weeks() -> list[Case]:
    """Hold the newest seven delivered days against the four weeks before them."""
    both = f"""from this_week inner join weeks_before using (column_name)
where this_week.row_count >= {limits.ROWS_NEEDED}
    and weeks_before.earlier_days >= {limits.TRAILING_DAYS_NEEDED}"""
    jump = limits.EMPTY_SHARE_JUMP_WEEK
    by_week = partial(Case, day="this_week.day", column_name="column_name")
    return [
        by_week(
            "a_week_has_no_emptier_columns_than_usual",
            f"{both} and this_week.empty - weeks_before.empty > {jump}",
            found=share("this_week.empty") + " || ' empty'",
            usual=share("weeks_before.empty") + " || ' empty, as in the weeks before'",
            expected=f"no column {jump:.0%} of the rows emptier than in the weeks before",
        ),
        by_week(
            "a_week_has_no_frozen_columns",
            f"{both} and this_week.filled >= {limits.ROWS_NEEDED} and this_week.different = 1 "
            "and weeks_before.different > 2",
            found="'one value all week'",
            usual="weeks_before.different || ' values on a day'",
            expected="a column that varied in the weeks before varies this week",
        ),
    ]


def _profiled(facts: Facts, table: RawTable) -> str:
    # only the judged days and the days that they are held against are read
    where = f"""known_on <= (select max(known_on) from {BATCH})
        and known_on >= (
            select coalesce(min(known_on), date '0001-01-01') from (
                select distinct known_on from {table.name}
                where known_on < {facts.judged_sql} order by known_on desc limit {limits.TRAILING_DAYS + 7}
            ) as earlier
        )
        and rowid % greatest(1, (
            select count(*) // {limits.ROWS_SAMPLED} from {table.name} where known_on >= {facts.judged_sql}
        )) = 0"""
    numbers = [name for name, kind in table.columns.items() if kind in {"integer", "decimal"}]
    return profile(table.name, "known_on", list(table.columns), numbers, where)


def _reference(facts: Facts, column: str, other: str, key: str) -> "gxe.Expectation":
    counted = f"""
coverage as (
    select batch.known_on as day, count(*)::double as total, count(known.key)::double as found
    from {BATCH}
    left join (
        select distinct {quoted(key)} as key from {other} where known_on <= date '{facts.last_day}'
    ) as known on known.key = batch.{quoted(column)}
    where batch.{quoted(column)} is not null and batch.known_on >= {facts.judged_sql}
    group by batch.known_on
)"""
    return no_rows(
        "references_are_found",
        f"from coverage where total >= {limits.ROWS_NEEDED} and found < {limits.COVERAGE} * total",
        ctes=counted,
        day="day",
        found=share("found / total") + " || ' found'",
        expected=f"{limits.COVERAGE:.0%} of the rows name something that {other} has",
        remedy=f"deliver the missing rows of {other}; {ASK_THE_SHOP}",
        column=column,
    )

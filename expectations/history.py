"""SQL that profiles a table day by day, so that a day can be held against the days before it."""

from collections.abc import Sequence

from expectations import thresholds
from expectations.rules import quoted

TRAILING = (
    "over (partition by column_name order by day "
    f"rows between {thresholds.TRAILING_DAYS} preceding and 1 preceding)"
)


def profile(table: str, day: str, columns: Sequence[str], numeric: Sequence[str], where: str) -> str:
    """Return CTEs ending in ``profiled``: one row per day and column.

    Parameters
    ----------
    table : str
        Table to read, or ``{batch}``.
    day : str
        Column that holds the day.
    columns, numeric : sequence of str
        Columns to profile, and those among them that are numbers.
    where : str
        Condition on the rows.

    Returns
    -------
    str
        CTEs without ``with``. ``profiled`` has day, column_name, row_count, filled (cells with a value),
        different (distinct values, approximately), middle (median of the sizes above 0) and negative.
    """
    wide = ",\n".join(_measures(name, name in numeric) for name in columns)
    names = ", ".join(quoted(name) for name in columns)
    return f"""
wide as (
    select {quoted(day)} as profiled_day, count(*) as row_count, {wide}
    from {table}
    where {where}
    group by profiled_day
),
profiled as materialized (
    select
        profiled_day as day, column_name, row_count, measured.filled as filled,
        measured.different as different, measured.middle as middle, measured.negative as negative
    from (unpivot wide on {names} into name column_name value measured)
)"""


def _measures(column: str, is_numeric: bool) -> str:
    name = quoted(column)
    middle, negative = "null::double", "0::double"
    if is_numeric:
        size = f"abs({name}::double)"
        middle = f"approx_quantile({size}, 0.5) filter (where {name} <> 0 and not isnan({name}::double))"
        negative = f"(count(*) filter (where {name} < 0))::double"
    return (
        f"struct_pack(filled := count({name})::double, different := approx_count_distinct({name})::double, "
        f"middle := ({middle})::double, negative := {negative}) as {name}"
    )


def against_earlier_days(before: str = TRAILING) -> str:
    """Return a CTE ``compared``: each day of ``profiled`` beside the medians of the days before it."""
    return f"""
compared as (
    select
        *,
        count(*) {before} as earlier_days,
        median(row_count) {before} as usual_rows,
        median(1 - filled / row_count) {before} as usual_empty,
        median(different) {before} as usual_different,
        min(different) {before} as fewest_different,
        median(middle) {before} as usual_middle,
        median(negative / row_count) {before} as usual_negative,
        1 - filled / row_count as empty,
        negative / row_count as negative_share
    from profiled
)"""


def last_week(judged: str) -> str:
    """Return CTEs ``this_week`` and ``weeks_before``: the newest seven profiled days, and those before."""
    reach = thresholds.TRAILING_DAYS
    return f"""
numbered as (
    select *, dense_rank() over (order by day desc) as days_back
    from profiled
),
this_week as (
    select
        column_name, max(day) as day, sum(row_count) as row_count, sum(filled) as filled,
        1 - sum(filled) / sum(row_count) as empty, max(different) as different
    from numbered
    where days_back <= 7 and day >= {judged}
    group by column_name
),
weeks_before as (
    select
        column_name, count(*) as earlier_days, 1 - sum(filled) / sum(row_count) as empty,
        max(different) as different
    from numbered
    where days_back between 8 and {7 + reach}
    group by column_name
)"""


def share(number: str) -> str:
    """Return SQL that writes a share as a percentage."""
    return f"round(100 * ({number}), 1) || ' %'"

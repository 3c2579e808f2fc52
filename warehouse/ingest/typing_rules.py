"""From text to types, in SQL: for each column its value, and a reason code where it has none.

Each column becomes, in turn, a prepared text (trimmed, empty is NULL), a value of its type, and
a verdict (NULL when all is well). Nothing is guessed: what does not have the declared form is
not read some other way.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from warehouse.source_keys import NAMED_FORMATS, format_pattern
from warehouse.sources import Column, Table

UNSAFE_IN_IDS = r"[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\x{00a0}\x{1680}\x{2000}-\x{200a}\x{202f}\x{205f}\x{3000}\x{fffd}]"
EDGES = r"^[\s\p{Z}]+|[\s\p{Z}]+$"
PLAIN = "[!-~]([ -~]*[!-~])?"
WIDE, NARROW = "０１２３４５６７８９．，－＋", "0123456789.,-+"
ISO_NAIVE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?"
ISO_AWARE = ISO_NAIVE + r"(Z|[+-][0-9]{2}(:?[0-9]{2})?)"
EARLIEST = {"timestamp": "2000-01-01", "date": "1900-01-01"}
LATEST_DATE = "2200-01-01"


@dataclass(frozen=True)
class ColumnSql:
    """The SQL of one column: over the text `c`, then over the prepared text `t`, then over the value `v`."""

    prepared: str
    local: str | None
    value: str
    verdict: str
    sql_type: str


def sql_type(column: Column) -> str:
    """Return the DuckDB type that a column is stored as."""
    return {
        "id": "varchar",
        "text": "varchar",
        "integer": "bigint",
        "decimal": f"decimal(18, {column.scale})",
        "timestamp": "timestamp",
        "date": "date",
        "boolean": "boolean",
    }[column.type]


def typed_select(table: Table, received: str, files: str) -> str:
    """Return the SQL that types the received text columns c0, c1, … of a table.

    Gives file_index, line_number, v0, v1, …, and code, bad_column, bad_value (NULL for good rows).
    """
    columns = [
        column_sql(column, i, column.name == table.event_time) for i, column in enumerate(table.columns)
    ]
    late = _late(table)
    numbers = range(len(columns))
    prepared = ",\n".join(f"{c.prepared} as t{i}" for i, c in enumerate(columns))
    local = "".join(f",\n{c.local} as n{i}" for i, c in enumerate(columns) if c.local)
    utc = "".join(
        f",\n{_plain_utc(f'n{i}', column.time_zone)} as u{i}"
        for i, column in enumerate(table.columns)
        if columns[i].local
    )
    values = ",\n".join(f"{c.value} as v{i}" for i, c in enumerate(columns))
    verdicts = ",\n".join(f"{c.verdict} as r{i}" for i, c in enumerate(columns))
    code = ", ".join(f"r{i}" for i in numbers)
    names = " ".join(f"when r{i} is not null then {quoted(c.name)}" for i, c in enumerate(table.columns))
    found = " ".join(f"when r{i} is not null then t{i}" for i in numbers)
    kept = ", ".join(f"v{i}" for i in numbers)
    event = table.column_names.index(table.event_time) if table.event_time else None
    late_name = quoted(table.event_time or "")
    late_value = f"t{event}" if event is not None else "null"
    return f"""
with prepared as (
    select file_index, line_number, is_native, future_limit, late_limit, {prepared}
    from {received} join {files} using (file_index)
),
localised as (select *{local} from prepared),
converted as (select *{utc} from localised),
valued as (select *, {values} from converted),
judged as (select *, {verdicts}, {late} as late_code from valued),
coded as (select *, coalesce({code}) as row_code from judged)
select
    file_index, line_number, {kept},
    coalesce(row_code, late_code) as code,
    case {names} when late_code is not null then {late_name} end as bad_column,
    case {found} when late_code is not null then {late_value} end as bad_value
from coded
"""


def column_sql(column: Column, i: int, is_event_time: bool) -> ColumnSql:
    """Return the SQL of column number `i`."""
    prepared = _prepared(column, f"c{i}")
    local = None
    t, v = f"t{i}", f"v{i}"
    match column.type:
        case "id":
            value, wrong = (
                t,
                f"when {_is_unsafe(t)} then 'unsafe_id' {_length(column, t)}",
            )
        case "text":
            value, wrong = t, _length(column, t)
        case "integer":
            value = f"case when regexp_full_match({t}, '[+-]?[0-9]+') then try_cast({t} as bigint) end"
            wrong = (
                f"when not regexp_full_match({t}, '[+-]?[0-9]+') then 'not_an_integer' "
                f"when {v} is null then 'number_out_of_range' {_range(column, v)}"
            )
        case "decimal":
            value, wrong = _decimal(column, t, v)
        case "timestamp":
            local = _naive(column, t)
            value, wrong = _timestamp(column, i, is_event_time)
        case "date":
            value, wrong = _date(column, t, v)
        case _:
            truths, lies = _listed(column.true_values), _listed(column.false_values)
            value = f"case when lower({t}) in ({truths}) then true when lower({t}) in ({lies}) then false end"
            wrong = f"when {v} is null then 'not_a_boolean'"
    empty = "'missing_value'" if column.required else "null::varchar"
    verdict = f"case when {t} is null then {empty} {wrong} else null::varchar end"
    return ColumnSql(prepared, local, value, verdict, sql_type(column))


def quoted(text: str) -> str:
    """Return a text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def _listed(values: tuple[str, ...]) -> str:
    return ", ".join(quoted(value.lower()) for value in values)


def _prepared(column: Column, text: str) -> str:
    nulls = ", ".join(quoted(value) for value in column.null_values)
    raw = f"case when {text} in ({nulls}) then null else {text} end" if nulls else text
    if column.type == "text":
        return raw
    trimmed = f"regexp_replace({raw}, '{EDGES}', '', 'g')"
    if column.type == "id":
        trimmed = f"nfc_normalize({trimmed})"
    if column.type in {"integer", "decimal"}:
        trimmed = f"translate({trimmed}, '{WIDE}', '{NARROW}')"
    # most texts are plain and need none of this
    trimmed = f"case when regexp_full_match({raw}, '{PLAIN}') then {raw} else {trimmed} end"
    if column.strip_suffix:
        suffix = quoted(column.strip_suffix)
        shorter = f"left({trimmed}, -{len(column.strip_suffix)})"
        trimmed = f"case when suffix({trimmed}, {suffix}) then {shorter} else {trimmed} end"
    return f"nullif({trimmed}, '')"


def _is_unsafe(t: str) -> str:
    return f"not regexp_full_match({t}, '{PLAIN}') and regexp_matches({t}, '{UNSAFE_IN_IDS}')"


def _length(column: Column, t: str) -> str:
    return f"when length({t}) > {column.maximum_length} then 'too_long'"


def _range(column: Column, v: str) -> str:
    low = f"when {v} < {column.minimum} then 'below_minimum'" if column.minimum is not None else ""
    high = f"when {v} > {column.maximum} then 'above_maximum'" if column.maximum is not None else ""
    return f"{low} {high}"


def _decimal(column: Column, t: str, v: str) -> tuple[str, str]:
    point = "\\" + column.decimal_separator
    whole = "[0-9]+"
    if column.thousands_separator:
        whole = f"([0-9]+|[0-9]{{1,3}}(\\{column.thousands_separator}[0-9]{{3}})+)"
    pattern = quoted(f"[+-]?({whole}({point}[0-9]+)?|{point}[0-9]+)")
    places = quoted(f".*{point}[0-9]{{{column.scale}}}[0-9]*[1-9][0-9]*")
    plain = t
    if column.thousands_separator:
        plain = f"replace({plain}, {quoted(column.thousands_separator)}, '')"
    if column.decimal_separator != ".":
        plain = f"replace({plain}, {quoted(column.decimal_separator)}, '.')"
    number = f"try_cast({plain} as decimal(18, {column.scale}))"
    value = f"case when regexp_full_match({t}, {pattern}) then {number} end"
    too_many = "" if column.round else f"when regexp_full_match({t}, {places}) then 'too_many_decimals'"
    return value, (
        f"when not regexp_full_match({t}, {pattern}) then 'not_a_number' "
        f"when {v} is null then 'number_out_of_range' {too_many} {_range(column, v)}"
    )


def _naive(column: Column, t: str) -> str:
    """Return the local time of texts that carry no offset, NULL for all others."""
    choices = [_parsed(t, one) for one in column.formats if one not in NAMED_FORMATS and "%z" not in one]
    iso = f"case when regexp_full_match({t}, '{ISO_NAIVE}') then try_cast({t} as timestamp) end"
    choices.append(iso if "iso8601" in column.formats else f"case when is_native then {iso} end")
    return f"coalesce({', '.join(choices)})"


def _parsed(t: str, one: str) -> str:
    # try_strptime alone also takes shortened texts and the word infinity
    pattern = quoted(format_pattern(one))
    return f"case when regexp_full_match({t}, {pattern}) then try_strptime({t}, {quoted(one)}) end"


def _timestamp(column: Column, i: int, is_event_time: bool) -> tuple[str, str]:
    t, n, v = f"t{i}", f"n{i}", f"v{i}"
    aware = []
    for one in column.formats:
        if one == "epoch_seconds":
            number = f"regexp_full_match({t}, '-?[0-9]{{1,11}}(\\.[0-9]{{1,6}})?')"
            microseconds = f"(try_cast({t} as decimal(18, 6))::decimal(38, 6) * 1000000)::bigint"
            aware.append(f"case when {number} then make_timestamp({microseconds}) end")
        elif one == "epoch_milliseconds":
            number = f"regexp_full_match({t}, '-?[0-9]{{1,14}}')"
            aware.append(f"case when {number} then epoch_ms(try_cast({t} as bigint)) end")
        elif one != "iso8601" and "%z" in one:
            aware.append(f"{_parsed(t, one)} at time zone 'UTC'")
    moment = f"try_cast({t} as timestamptz) at time zone 'UTC'"
    iso = f"case when regexp_full_match({t}, '{ISO_AWARE}') then {moment} end"
    aware.append(iso if "iso8601" in column.formats else f"case when is_native then {iso} end")
    value = f"coalesce({_first_of_both(n, f'u{i}', column.time_zone)}, {', '.join(aware)})"
    gap = f"when {n} is not null and {_in_gap(n, v, column.time_zone)} then 'local_time_does_not_exist'"
    early = f"when {v} < timestamp '{column.earliest or EARLIEST['timestamp']}' then 'too_early'"
    latest = f"when {v} >= timestamp '{column.latest}' then 'future_dated'" if column.latest else ""
    future = (
        "" if column.may_be_future and not is_event_time else f"when {v} >= future_limit then 'future_dated'"
    )
    far = f"when {v} >= timestamp '{LATEST_DATE}' then 'future_dated'"
    return value, f"when {v} is null then 'not_a_time' {gap} {early} {future} {latest} {far}"


def _plain_utc(local: str, zone: str) -> str:
    if zone in {"UTC", "Etc/UTC"}:
        return local
    return f"(({local} at time zone {quoted(zone)}) at time zone 'UTC')"


def _first_of_both(local: str, utc: str, zone: str) -> str:
    """Return the UTC time of a local time; of the two moments of a repeated hour, the earlier."""
    if not _changes_its_clocks(zone):
        return utc
    earlier = f"({utc} - interval 1 hour)"
    return f"case when {local_of(earlier, zone)} = {local} then {earlier} else {utc} end"


def local_of(utc: str, zone: str) -> str:
    """Return the local time of a UTC time."""
    return f"(({utc} at time zone 'UTC') at time zone {quoted(zone)})"


def _in_gap(local: str, utc: str, zone: str) -> str:
    return f"{local_of(utc, zone)} <> {local}" if _changes_its_clocks(zone) else "false"


@lru_cache(maxsize=32)
def _changes_its_clocks(zone: str) -> bool:
    """Say whether a zone's offset changes between 2000 and 2100; the check costs time per row."""
    info = ZoneInfo(zone)
    days = (date(2000, 1, 1) + timedelta(days=number) for number in range(0, 36_525, 7))
    return len({datetime(day.year, day.month, day.day, tzinfo=info).utcoffset() for day in days}) > 1


def _date(column: Column, t: str, v: str) -> tuple[str, str]:
    choices = [_parsed(t, one) for one in column.formats if one not in NAMED_FORMATS]
    iso = (
        f"case when regexp_full_match({t}, '[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}([T ]00:00:00(\\.0+)?)?') "
        f"then try_cast(left({t}, 10) as date) end"
    )
    choices.append(iso if "iso8601" in column.formats else f"case when is_native then {iso} end")
    value = f"coalesce({', '.join(choices)})::date"
    early = f"when {v} < date '{column.earliest or EARLIEST['date']}' then 'too_early'"
    late = f"when {v} >= date '{column.latest or LATEST_DATE}' then 'future_dated'"
    return value, f"when {v} is null then 'not_a_date' {early} {late}"


def _late(table: Table) -> str:
    if table.event_time is None or table.late_days_allowed is None:
        return "null::varchar"
    event = f"v{table.column_names.index(table.event_time)}"
    return f"case when {event} < late_limit then 'too_late' end"

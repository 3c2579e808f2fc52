"""A shop whose tables stand in PostgreSQL: each day is fetched into landing, then goes the way of files.

What was fetched stays in landing as Parquet with a manifest, so that a day can be loaded again
without asking the shop's database, which has moved on.
"""

import hashlib
import importlib.resources
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb

from warehouse.errors import Busy, ContractBreach
from warehouse.ingest.typing_rules import quoted
from warehouse.landing import MANIFEST_NAME
from warehouse.settings import Settings
from warehouse.sources import Source, Table

Progress = Callable[[str], None]


def land_missing_days(
    settings: Settings,
    source: Source,
    through: date,
    *,
    progress: Progress = print,
    environment: Mapping[str, str] | None = None,
) -> list[date]:
    """Fetch the days after the newest one in landing up to `through` (the first time, `through` alone).

    Raises
    ------
    Busy
        If the database cannot be reached.
    ContractBreach
        If the declaration does not fit the database.
    """
    landed = [_day(path.name) for path in settings.landing.glob("????-??-??")]
    newest = max((day for day in landed if day is not None and day <= through), default=None)
    day = through if newest is None else newest + timedelta(days=1)
    fetched = []
    while day <= through:
        rows = extract_day(settings, source, day, environment=environment)
        progress(f"fetched {rows:,} rows of {day} from {source.url_variable}")
        fetched.append(day)
        day += timedelta(days=1)
    return fetched


def extract_day(
    settings: Settings, source: Source, day: date, *, environment: Mapping[str, str] | None = None
) -> int:
    """Write one day's rows of every declared table into landing; the folder appears whole or not at all.

    A table with a `cursor_column` brings the rows whose cursor lies in the shop's local day; one
    without brings all its rows every day, of which those that did not change count as duplicates.

    Returns
    -------
    int
        Rows fetched.
    """
    folder = settings.landing / day.isoformat()
    hidden = settings.landing / f".{day.isoformat()}.part"
    if hidden.exists():
        shutil.rmtree(hidden)
    hidden.mkdir(parents=True, mode=0o700)
    try:
        with _attached(source, os.environ if environment is None else environment) as connection:
            files = [_extract(connection, source, table, day, hidden) for table in source.tables]
        (hidden / MANIFEST_NAME).write_text(json.dumps({"files": files}, indent=1) + "\n")
        if folder.exists():
            raise ContractBreach(
                f"The day {day} has landed already in {folder}", None, "what has landed is not fetched again"
            )
        hidden.rename(folder)
    finally:
        shutil.rmtree(hidden, ignore_errors=True)
    return sum(int(str(file["rows"])) for file in files)


@contextmanager
def _attached(source: Source, environment: Mapping[str, str]) -> Iterator[duckdb.DuckDBPyConnection]:
    url = environment.get(source.url_variable or "")
    if not url:
        raise ContractBreach(
            f"The source {source.name} is read from PostgreSQL, and {source.url_variable} is not set",
            None,
            f"set {source.url_variable}=postgresql://user:password@host/database",
        )
    extension = importlib.resources.files("duckdb_extension_postgres_scanner").joinpath(
        "extensions", f"v{duckdb.__version__}", "postgres_scanner.duckdb_extension"
    )
    # loaded from its wheel; nothing is ever downloaded
    with duckdb.connect(config={"autoinstall_known_extensions": False}) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"load {quoted(str(extension))}")
        try:
            connection.execute(f"attach {quoted(url)} as shop (type postgres, read_only)")
        except duckdb.Error:
            # the driver's own words carry the URL with its password
            raise Busy(
                f"The database that {source.url_variable} names cannot be reached",
                None,
                "check that it runs, and the URL's user, password and host; then try again",
            ) from None
        yield connection


def _extract(
    connection: duckdb.DuckDBPyConnection, source: Source, table: Table, day: date, folder: Path
) -> dict[str, object]:
    columns = ", ".join(f'"{name}"' for name in table.column_names)
    relation = f"({table.query}) as fetched" if table.query else table.relation or f"public.{table.name}"
    path = folder / f"{table.name}.parquet"
    try:
        where = _day_condition(connection, source, table, relation, day)
        order = ", ".join(f'"{name}"' for name in table.key or table.column_names)
        query = f"select {columns} from {relation}{where} order by {order}"
        rows_sql = f"select * from postgres_query('shop', {quoted(query)})"
        connection.execute(f"copy ({rows_sql}) to {quoted(str(path))} (format parquet)")
    except duckdb.Error as error:
        raise ContractBreach(
            f"The table {table.name} cannot be read from PostgreSQL as {source.path} declares it",
            str(error).splitlines()[0],
            "check `relation`, `query`, `cursor_column` and the names of the columns",
        ) from None
    ((rows,),) = connection.execute(f"select count(*) from read_parquet({quoted(str(path))})").fetchall()
    data = path.read_bytes()
    return {
        "name": path.name,
        "rows": rows,
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    }


def _day_condition(
    connection: duckdb.DuckDBPyConnection, source: Source, table: Table, relation: str, day: date
) -> str:
    if table.cursor_column is None:
        return ""
    cursor = f'"{table.cursor_column}"'
    probe = quoted(f"select {cursor} from {relation} limit 0")
    ((_, kind, *_),) = connection.execute(f"describe from postgres_query('shop', {probe})").fetchall()
    zone = ZoneInfo(source.time_zone)
    starts = [datetime.combine(one, time(), tzinfo=zone) for one in (day, day + timedelta(days=1))]
    if kind == "TIMESTAMP WITH TIME ZONE":
        first, last = (f"timestamptz '{start.astimezone(UTC).isoformat()}'" for start in starts)
    elif kind == "TIMESTAMP":
        first, last = (f"timestamp '{start.replace(tzinfo=None).isoformat()}'" for start in starts)
    elif kind == "DATE":
        first, last = (f"date '{start.date().isoformat()}'" for start in starts)
    else:
        raise ContractBreach(
            f"{source.path}: the cursor_column of {table.name} must be a time or a day",
            f"{table.cursor_column} is {kind}",
            "name another column, or none",
        )
    return f" where {cursor} >= {first} and {cursor} < {last}"


def _day(name: str) -> date | None:
    try:
        return date.fromisoformat(name)
    except ValueError:
        return None

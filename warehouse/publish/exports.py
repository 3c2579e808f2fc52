"""The day's list for marketing tools: CSV, Parquet and JSON Lines, in the table's own order."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb

ROWS_AT_A_TIME = 10_000
# A spreadsheet takes a cell that begins so for a formula; full-width twins are folded to these by some.
STARTS_A_FORMULA = "^[=+\\-@\\t\\r\\n＝＋－＠]"
BREAKS_A_CELL = '[",\\r\\n]'
# Types that are written without a comma, a quote or a line break; a list of them is not.
PLAIN_TYPE = re.compile(
    r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DOUBLE|FLOAT|DECIMAL\(\d+,\d+\)"
    r"|BOOLEAN|DATE|TIMESTAMP( WITH TIME ZONE)?"
)


def export_list(connection: duckdb.DuckDBPyConnection, table: str, folder: Path) -> None:
    """Write a table as ``.csv``, ``.parquet`` and ``.jsonl``, its rows in the order in which it has them.

    Parameters
    ----------
    connection : duckdb connection
        Holds the table.
    table : str
        The table; also the name of the files.
    folder : Path
        Where to write.
    """
    with (folder / f"{table}.csv").open("wb") as stream:
        stream.writelines(csv_parts(connection, f"from {table}"))
    for format_, suffix in (("parquet, compression zstd", "parquet"), ("json", "jsonl")):
        target = str(folder / f"{table}.{suffix}").replace("'", "''")
        connection.execute(f"copy (from {table}) to '{target}' (format {format_})")


def csv_parts(
    connection: duckdb.DuckDBPyConnection,
    query: str,
    values: dict[str, Any] | None = None,
    rows_at_a_time: int = ROWS_AT_A_TIME,
) -> Iterator[bytes]:
    """Yield the rows of a query as CSV, a part at a time; the header first.

    The CSV follows RFC 4180 (comma, CRLF, doubled quotes, header). Its text cells that would start a
    formula get a leading apostrophe; numbers stay as they are. NULL is an empty cell. DuckDB writes the
    lines: handing every cell to Python's own writer takes longer.
    """
    columns = connection.execute(f"describe {query}", values).fetchall()
    yield (",".join(_quoted_cell(name) for name, *_ in columns) + "\r\n").encode()
    cells = ", ".join(_cell(name, type_) for name, type_, *_ in columns)
    connection.execute(f"select concat_ws(',', {cells}) || e'\\r\\n' from ({query})", values)
    for batch in connection.to_arrow_reader(rows_at_a_time):
        yield "".join(batch.column(0).to_pylist()).encode()


def _quoted_cell(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if any(letter in text for letter in '",\r\n') else text


def _cell(name: str, type_: str) -> str:
    """Return the SQL of a column's cells: quoted where they must be, and no text cell starts a formula."""
    column = '"' + name.replace('"', '""') + '"'
    text = f"coalesce(cast({column} as varchar), '')"
    if PLAIN_TYPE.fullmatch(type_):
        return text
    quoted = (
        "case when regexp_matches({0}, '{1}') then '\"' || replace({0}, '\"', '\"\"') || '\"' else {0} end"
    )
    if type_ != "VARCHAR":
        return quoted.format(text, BREAKS_A_CELL)
    defused = quoted.format(f"('''' || {column})", BREAKS_A_CELL)
    starts = f"regexp_matches({column}, '{STARTS_A_FORMULA}')"
    return f"case when {starts} then {defused} else {quoted.format(text, BREAKS_A_CELL)} end"

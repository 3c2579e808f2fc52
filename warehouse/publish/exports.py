"""The day's list for marketing tools: CSV, Parquet and JSON Lines, in one order."""

import csv
from pathlib import Path

import duckdb

BATCH = 10_000
# A spreadsheet takes a cell that begins so for a formula; full-width twins are folded to these by some.
STARTS_A_FORMULA = "^[=+\\-@\\t\\r\\n＝＋－＠]"


def export_list(connection: duckdb.DuckDBPyConnection, table: str, order: str, folder: Path) -> None:
    """Write a table as ``.csv``, ``.parquet`` and ``.jsonl``.

    The CSV follows RFC 4180 (comma, CRLF, doubled quotes, header). Its text cells that would start a
    formula get a leading apostrophe; numbers stay as they are. NULL is an empty cell.

    Parameters
    ----------
    connection : duckdb connection
        Holds the table.
    table : str
        The table; also the name of the files.
    order : str
        What to order the rows by.
    folder : Path
        Where to write.
    """
    _write_csv(connection, table, order, folder / f"{table}.csv")
    for format_, suffix in (("parquet, compression zstd", "parquet"), ("json", "jsonl")):
        target = str(folder / f"{table}.{suffix}").replace("'", "''")
        connection.execute(f"copy (select * from {table} order by {order}) to '{target}' (format {format_})")


def _write_csv(connection: duckdb.DuckDBPyConnection, table: str, order: str, path: Path) -> None:
    columns = connection.execute(f"describe {table}").fetchall()
    cells = ", ".join(csv_cell(name, type_) for name, type_, *_ in columns)
    rows = connection.execute(f"select {cells} from {table} order by {order}")
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\r\n")
        writer.writerow([name for name, *_ in columns])
        while batch := rows.fetchmany(BATCH):
            writer.writerows(batch)


def csv_cell(name: str, type_: str) -> str:
    """Return the SQL that turns a column into the cells of a CSV file: no text cell starts a formula."""
    column = '"' + name.replace('"', '""') + '"'
    if type_ != "VARCHAR":
        return f"cast({column} as varchar)"
    return f"case when regexp_matches({column}, '{STARTS_A_FORMULA}') then '''' || {column} else {column} end"

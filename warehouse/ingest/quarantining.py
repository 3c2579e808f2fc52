"""Bad rows, kept with where they stood, what is wrong with them, and their raw text."""

import duckdb
import pyarrow as pa

from warehouse.ingest.candidates import Candidate, CandidateFile
from warehouse.ingest.reasons import explain, shorten
from warehouse.sources import Source, Table


def store_quarantine(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    table: Table,
    files: list[tuple[Candidate, CandidateFile]],
) -> None:
    """Insert the bad rows of a table's files into quarantine.rows, refused deliveries left out.

    `files` holds every file of the batch, at the place of its index.
    """
    found = connection.execute(_bad_rows_sql(table)).fetchall()
    for _, file in files:
        if file.landed.table.name == table.name:
            found += [(file.index, line, code, None, None) for line, code in file.read.records.rejects]
    rows = [
        _quarantined(source, files[row[0]], row)
        for row in sorted(found, key=lambda row: row[:2])
        if files[row[0]][0].is_taken
    ]
    if rows:
        connection.register("quarantined", pa.Table.from_pylist(rows, schema=_QUARANTINED))
        connection.execute("insert into quarantine.rows select * from quarantined")
        connection.unregister("quarantined")


def _bad_rows_sql(table: Table) -> str:
    badly_typed = (
        f"select file_index, line_number, code, bad_column, bad_value from typed_{table.name} "
        "where code is not null"
    )
    if not table.references:
        return badly_typed
    return (
        f"{badly_typed} union all select file_index, line_number, 'orphan', {orphan_sql(table)} "
        f"from settled_{table.name} where fate = 'orphan'"
    )


def orphan_sql(table: Table) -> str:
    """Return two expressions over settled rows: an orphan's column and the value that was never delivered."""
    if not table.references:
        return "null, null"
    numbered = list(enumerate(table.references))
    names = " ".join(f"when {i} then '{r.column}'" for i, r in numbered)
    values = " ".join(f"when {i} then v{table.column_names.index(r.column)}::varchar" for i, r in numbered)
    return f"case orphan_of {names} end, case orphan_of {values} end"


def _quarantined(
    source: Source,
    origin: tuple[Candidate, CandidateFile],
    row: tuple[int, int, str, str | None, str | None],
) -> dict[str, object]:
    candidate, file = origin
    _, line, code, column, value = row
    table = file.landed.table
    shown = None if table.redacted or value is None else shorten(value)
    return {
        "delivery_id": candidate.arrival.delivery_id,
        "delivery_number": candidate.delivery_number,
        "source": source.name,
        "table_name": table.name,
        "source_file": file.landed.relative_path,
        "source_line": line,
        "reason_code": code,
        "reason": explain(code, f"{file.landed.relative_path} line {line}", column, shown),
        "column_name": column,
        "value": shown,
        "raw_text": None if table.redacted else shorten(file.read.raw_text(line)),
        "known_on": candidate.known_on,
    }


_QUARANTINED = pa.schema(
    {
        "delivery_id": pa.string(),
        "delivery_number": pa.int64(),
        "source": pa.string(),
        "table_name": pa.string(),
        "source_file": pa.string(),
        "source_line": pa.int64(),
        "reason_code": pa.string(),
        "reason": pa.string(),
        "column_name": pa.string(),
        "value": pa.string(),
        "raw_text": pa.string(),
        "known_on": pa.date32(),
    }
)

"""Rows as files: Parquet and JSON Lines keep every value, CSV is made safe for spreadsheets."""

import csv
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from warehouse.publish.durable import sha256_of
from warehouse.publish.exports import STARTS_A_FORMULA

Columns = Mapping[str, tuple[str, str]]
Row = Mapping[str, Any]

ARROW_TYPES = {"text": pa.string(), "date": pa.date32(), "number": pa.float64(), "whole number": pa.int32()}
FORMULA = re.compile(STARTS_A_FORMULA)


def neutralised(value: object) -> object:
    """Return a cell for CSV: a text that a spreadsheet would take for a formula gets an apostrophe."""
    return f"'{value}" if isinstance(value, str) and FORMULA.match(value) else value


def write_parquet(path: Path, columns: Columns, rows: Sequence[Row]) -> None:
    """Write rows as Parquet, values as they are; each column carries what it means."""
    fields, arrays = [], []
    for name, (kind, meaning) in columns.items():
        type_ = ARROW_TYPES[kind]
        values = pa.array([row[name] for row in rows], pa.string() if kind == "date" else type_)
        arrays.append(values.cast(type_))
        fields.append(pa.field(name, type_, metadata={"description": meaning}))
    pq.write_table(pa.Table.from_arrays(arrays, schema=pa.schema(fields)), path, compression="zstd")


def read_parquet(path: Path) -> list[dict[str, Any]]:
    """Return rows that `write_parquet` wrote, as they were given to it: days are texts again."""
    rows = pq.read_table(path).to_pylist()
    return [
        {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in row.items()}
        for row in rows
    ]


def write_csv(path: Path, columns: Iterable[str], rows: Iterable[Row]) -> None:
    """Write rows as CSV (RFC 4180: comma, CRLF, doubled quotes, header); NULL is an empty cell."""
    names = list(columns)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\r\n")
        writer.writerow(names)
        writer.writerows([neutralised(row[name]) for name in names] for row in rows)


def write_json_lines(path: Path, rows: Iterable[Row]) -> None:
    """Write rows as JSON Lines, every value as it is."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        stream.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def file_facts(folder: Path, path: Path, rows: int) -> dict[str, Any]:
    """Return what a manifest says of one file."""
    return {
        "name": str(path.relative_to(folder)),
        "rows": rows,
        "bytes": path.stat().st_size,
        "sha256": sha256_of(path),
    }


def schema_facts(columns: Columns) -> list[dict[str, str]]:
    """Return what a manifest says of the columns."""
    return [{"name": name, "type": kind, "description": meaning} for name, (kind, meaning) in columns.items()]

"""Tables written as the bytes of CSV, gzipped CSV, JSON Lines and Parquet files."""

import gzip
import io
import json
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from sample_shop.chance import Ints
from sample_shop.contract import TABLES
from sample_shop.dirt import BAD_DATE, RAGGED, broken_cells


def file_bytes(table: str, kind: str, content: pa.Table, faults: Ints, luck: Ints) -> bytes:
    """Return the bytes of one file.

    Parameters
    ----------
    kind : str
        csv, csv.gz, jsonl or parquet.
    content : pyarrow.Table
        The rows, those that must be malformed included.
    faults, luck : numpy.ndarray
        Per row: the fault it carries, and a number that chooses how a malformed row is broken.
    """
    malformed = [int(i) for i in ((faults >= BAD_DATE) & (faults <= RAGGED)).nonzero()[0]]
    if kind == "parquet":
        sink = io.BytesIO()
        pq.write_table(content, sink, compression="zstd")
        return sink.getvalue()
    if kind == "jsonl":
        return _json_lines(table, content, faults, luck, malformed)
    body = _csv(table, content, faults, luck, malformed)
    return gzip.compress(body, compresslevel=1, mtime=0) if kind == "csv.gz" else body


def _csv(table: str, content: pa.Table, faults: Ints, luck: Ints, malformed: list[int]) -> bytes:
    shape = TABLES[table]
    header = (",".join(shape.columns) + "\n").encode()
    options = pacsv.WriteOptions(
        include_header=False, quoting_style="needed" if shape.is_speech else "none", batch_size=65_536
    )
    sink = io.BytesIO()
    if content.num_rows:
        pacsv.write_csv(content, sink, options)
    if not malformed:
        return header + sink.getvalue()
    lines = sink.getvalue().decode().splitlines()
    for i in malformed:
        cells = broken_cells(table, int(faults[i]), _cells(content, i), int(luck[i]))
        lines[i] = ",".join(f'"{cell}"' if shape.is_speech else cell for cell in cells)
    return header + ("\n".join(lines) + "\n").encode()


def _json_lines(table: str, content: pa.Table, faults: Ints, luck: Ints, malformed: list[int]) -> bytes:
    columns = [_json_ready(content[name]).to_pylist() for name in content.column_names]
    names = content.column_names
    lines = [
        json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False)
        for row in zip(*columns, strict=True)
    ]
    for i in malformed:
        if faults[i] == RAGGED:
            lines[i] = lines[i][: len(lines[i]) // 2]
        else:
            cells = broken_cells(table, int(faults[i]), _cells(content, i), int(luck[i]))
            lines[i] = json.dumps(dict(zip(names, cells, strict=True)), ensure_ascii=False)
    return ("\n".join(lines) + "\n").encode() if lines else b""


def _json_ready(column: Any) -> Any:
    if pa.types.is_decimal(column.type):
        return column.cast(pa.float64())
    if pa.types.is_timestamp(column.type):
        return pc.strftime(column, "%Y-%m-%d %H:%M:%S")
    return column.cast(pa.string()) if pa.types.is_date(column.type) else column


def _cells(content: pa.Table, row: int) -> list[str]:
    values = content.slice(row, 1).to_pylist()[0].values()
    return ["" if value is None else str(value) for value in values]

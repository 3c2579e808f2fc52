"""JSON Lines and Parquet, read into the same text columns as CSV."""

import io
import json
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from warehouse.ingest.csv_records import BYTE_ORDER_MARK, Records


class _RepeatedKey(ValueError):
    pass


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _RepeatedKey
    return found


# numbers keep the text they were written with: an id of twenty digits stays itself
_DECODER = json.JSONDecoder(
    parse_float=str, parse_int=str, parse_constant=str, object_pairs_hook=_object, strict=True
)


def read_json_lines(data: bytes, wanted: list[str]) -> tuple[Records, set[str], set[str]]:
    """Read one JSON object per line.

    Returns
    -------
    tuple
        The records, the keys that no column is declared for, and the declared columns that occur.
    """
    columns: dict[str, list[str | None]] = {name: [] for name in wanted}
    numbers: list[int] = []
    rejects: list[tuple[int, str]] = []
    names: set[str] = set()
    for number, raw in enumerate(data.removeprefix(BYTE_ORDER_MARK).split(b"\n"), start=1):
        if not raw.strip():
            continue
        row = _row(raw)
        if isinstance(row, str):
            rejects.append((number, row))
            continue
        names.update(row)
        numbers.append(number)
        for name, values in columns.items():
            values.append(row.get(name))
    records = Records(
        columns={name: pa.array(values, pa.string()) for name, values in columns.items()},
        lines=pa.array(numbers, pa.int64()),
        rejects=rejects,
    )
    return records, names - set(wanted), names & set(wanted)


def _row(raw: bytes) -> dict[str, str | None] | str:
    """Return the object's values as text, or the code of what is wrong with the line."""
    if b"\0" in raw:
        return "nul_byte"
    try:
        row = _DECODER.decode(raw.decode("utf-8"))
        if not isinstance(row, dict):
            return "not_json"
        texts = {name: _json_text(value) for name, value in row.items()}
        for name, value in texts.items():
            f"{name}{value}".encode()
    except UnicodeDecodeError:
        return "not_utf8"
    except (ValueError, RecursionError):
        return "not_json"
    return "nul_byte" if any(value and "\0" in value for value in texts.values()) else texts


def _json_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False)


def read_parquet(data: bytes, wanted: list[str]) -> Records:
    """Read a Parquet file; every value becomes the text that a CSV would hold. Rows count from 1."""
    table = pq.read_table(io.BytesIO(data), columns=wanted, use_threads=False)
    columns = {name: _texts(table.column(name).combine_chunks()) for name in wanted}
    return Records(columns=columns, lines=pa.array(range(1, table.num_rows + 1), pa.int64()))


def parquet_column_names(data: bytes) -> list[str]:
    """Return the top-level column names of a Parquet file."""
    return list(pq.read_schema(io.BytesIO(data)).names)


def _texts(array: pa.Array) -> pa.Array:
    kind = array.type
    if pa.types.is_dictionary(kind):
        array, kind = array.dictionary_decode(), kind.value_type
    if pa.types.is_timestamp(kind):
        offset = "" if kind.tz is None else "+00:00"
        stored = array.cast(pa.timestamp("us", tz=None if kind.tz is None else "UTC"))
        return pc.strftime(stored, format=f"%Y-%m-%dT%H:%M:%S{offset}")
    if pa.types.is_floating(kind):
        return pa.array([_plain(value) for value in array.to_pylist()], pa.string())
    if pa.types.is_binary(kind) or pa.types.is_nested(kind):
        return pa.array([None if v is None else repr(v) for v in array.to_pylist()], pa.string())
    return array.cast(pa.string())


def _plain(value: float | None) -> str | None:
    if value is None:
        return None
    text = repr(value)
    return format(Decimal(text), "f") if "e" in text else text

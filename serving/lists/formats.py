"""Formats: which one the caller wants, and how rows become its bytes, piece by piece."""

import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from serving.problems import Problem
from warehouse.publish.exports import csv_parts

Name = Literal["json", "ndjson", "csv", "parquet"]
ROWS_AT_A_TIME = 5_000
ROW_GROUP = 20_000
GZIP = 16 + zlib.MAX_WBITS
# Level 1 takes a third of the time of the usual 6 and is a tenth larger on such lists.
GZIP_LEVEL = 1


@dataclass(frozen=True)
class Format:
    """One format of an answer.

    Attributes
    ----------
    media_types : tuple of str
        Names by which it is asked for; answers bear the first.
    """

    name: Name
    media_types: tuple[str, ...]

    @property
    def content_type(self) -> str:
        """The header of an answer."""
        return f"{self.media_types[0]}; charset=utf-8" if self.name == "csv" else self.media_types[0]

    @property
    def is_page(self) -> bool:
        """Whether an answer is one page, not the whole list."""
        return self.name == "json"


FORMATS = (
    Format("json", ("application/json",)),
    Format("ndjson", ("application/x-ndjson", "application/jsonl", "application/ndjson")),
    Format("csv", ("text/csv",)),
    Format("parquet", ("application/vnd.apache.parquet",)),
)


def chosen_format(accept: str | None) -> Format:
    """Return the format that a caller likes best; JSON where it does not care.

    Raises
    ------
    Problem
        406 if it takes none of them.
    """
    wanted = _weights(accept or "*/*")
    rated = [(max(_weight(wanted, media_type) for media_type in one.media_types), one) for one in FORMATS]
    best, found = max(rated, key=lambda pair: pair[0])
    if best <= 0:
        raise Problem(
            406,
            "not_acceptable",
            "This route has no answer in the format that the request asks for.",
            "",
            "send Accept: " + ", ".join(one.media_types[0] for one in FORMATS),
        )
    return found


def takes_gzip(accept_encoding: str | None) -> bool:
    """Say whether a caller takes compressed answers."""
    wanted = _weights(accept_encoding or "")
    return wanted.get("gzip", wanted.get("*", 0.0)) > 0


def _weights(header: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for part in header.lower().split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        weight = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                try:
                    weight = float(parameter[2:])
                except ValueError:
                    weight = 0.0
        if name:
            found[name] = weight
    return found


def _weight(wanted: dict[str, float], media_type: str) -> float:
    group = f"{media_type.partition('/')[0]}/*"
    return next((wanted[name] for name in (media_type, group, "*/*") if name in wanted), 0.0)


def json_row(columns: tuple[str, ...], rows: str) -> str:
    """Return the query that turns rows into JSON texts, as the published JSON Lines file has them."""
    return f"select cast(to_json(listed) as varchar) from (select {_listed(columns)} from ({rows})) as listed"


def _listed(columns: tuple[str, ...]) -> str:
    return ", ".join(quoted(column) for column in columns)


def quoted(name: str) -> str:
    """Return a column's name as SQL takes it."""
    return '"' + name.replace('"', '""') + '"'


def ndjson(
    cursor: duckdb.DuckDBPyConnection, columns: tuple[str, ...], rows: str, values: dict[str, object]
) -> Iterator[bytes]:
    """Yield JSON Lines."""
    cursor.execute(json_row(columns, rows), values)
    for batch in cursor.to_arrow_reader(ROWS_AT_A_TIME):
        yield ("\n".join(batch.column(0).to_pylist()) + "\n").encode() if batch.num_rows else b""


def csv_text(
    cursor: duckdb.DuckDBPyConnection, columns: tuple[str, ...], rows: str, values: dict[str, object]
) -> Iterator[bytes]:
    """Yield CSV as the published file has it: formulas neutralised, numbers untouched."""
    yield from csv_parts(cursor, f"select {_listed(columns)} from ({rows})", values, ROWS_AT_A_TIME)


class _Sink(io.RawIOBase):
    """Takes what a writer writes, until it is taken out."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._position = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def write(self, data: "pa.Buffer | bytes") -> int:
        part = bytes(data)
        self._parts.append(part)
        self._position += len(part)
        return len(part)

    def take(self) -> bytes:
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken


def parquet(
    cursor: duckdb.DuckDBPyConnection, columns: tuple[str, ...], rows: str, values: dict[str, object]
) -> Iterator[bytes]:
    """Yield a Parquet file, a row group at a time."""
    cursor.execute(f"select {_listed(columns)} from ({rows})", values)
    reader = cursor.to_arrow_reader(ROW_GROUP)
    sink = _Sink()
    with pq.ParquetWriter(sink, reader.schema, compression="zstd") as writer:
        for batch in reader:
            writer.write_batch(batch)
            yield sink.take()
    yield sink.take()


WRITERS = {"ndjson": ndjson, "csv": csv_text, "parquet": parquet}


def compressed(parts: Iterator[bytes]) -> Iterator[bytes]:
    """Yield parts compressed by gzip; the same parts give the same bytes."""
    press = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, GZIP)
    for part in parts:
        yield press.compress(part)
    yield press.flush()

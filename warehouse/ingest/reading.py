"""Open one delivered file and hand back its rows as text, or say why it cannot be taken."""

import gzip
import io
import zlib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pyarrow as pa

from warehouse.ingest.csv_records import Dialect, Records, raw_line, read_records, split_header
from warehouse.ingest.other_records import parquet_column_names, read_json_lines, read_parquet
from warehouse.ingest.reasons import visible
from warehouse.sources import Table

FORMATS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
}
LARGEST_UNPACKED_BYTES = 8 * 1024**3


class RefusedFile(Exception):
    """A file cannot be taken as it is; the text says what was found and what to do."""


@dataclass
class ReadFile:
    """A file's rows as text."""

    table: Table
    path: Path
    records: Records
    format: str
    body: bytes
    ignored_columns: tuple[str, ...] = ()
    first_line: int = 2
    _raw: dict[int, str] = field(default_factory=dict)

    @property
    def received(self) -> int:
        """Return how many rows the file holds, good and bad."""
        return self.records.received

    @cached_property
    def _lines(self) -> list[bytes]:
        return self.body.split(b"\n")

    def raw_text(self, line: int) -> str:
        """Return a row as it stands in the file."""
        if self.format == "parquet":
            row = {name: column[line - 1].as_py() for name, column in self.records.columns.items()}
            return repr(row)
        end = self.records.ends.get(line, line)
        if end > line:
            return visible(raw_line(self.body, line, end))
        return visible(self._lines[line - self.first_line].removesuffix(b"\r"))

    def arrow(self, file_index: int) -> pa.Table:
        """Return the rows as columns c0, c1, … in declared order, with file_index and line_number."""
        arrays = {f"c{i}": self.records.columns[name] for i, name in enumerate(self.table.column_names)}
        count = len(self.records.lines)
        return pa.table(
            {
                "file_index": pa.array([file_index] * count, pa.int32()),
                "line_number": self.records.lines,
                **arrays,
            }
        )


def format_of(name: str) -> str | None:
    """Return csv, jsonl or parquet by the ending of a file name, or None."""
    return FORMATS.get(Path(name.lower().removesuffix(".gz")).suffix)


def read_file(path: Path, table: Table, data: bytes) -> ReadFile:
    """Read a file of a declared table.

    Raises
    ------
    RefusedFile
        If it is empty, unreadable, or its columns are not those declared.
    """
    if not data:
        raise RefusedFile(f"{path.name} holds 0 bytes. To do: deliver the file again")
    kind = format_of(path.name)
    if kind is None:
        raise RefusedFile(
            f"{path.name} has an ending that is not known. To do: use one of {', '.join(FORMATS)}"
        )
    if path.name.lower().endswith(".gz"):
        data = _unpack(path, data)
        if not data:
            raise RefusedFile(f"{path.name} holds 0 bytes when unpacked. To do: deliver the file again")
    wanted = list(table.column_names)
    if kind == "csv":
        dialect = Dialect(
            table.delimiter, table.quote, table.encoding, frozenset(table.text_columns_with_newlines)
        )
        try:
            header, body = split_header(data, dialect)
        except ValueError as error:
            raise RefusedFile(f"{path.name} line 1: the header cannot be read: {error}") from error
        ignored = _check_names(path, header, wanted)
        read = ReadFile(table, path, read_records(body, header, wanted, dialect), kind, body, ignored)
    elif kind == "jsonl":
        records, unknown, found = read_json_lines(data, wanted)
        _check_keys(path, table, records, unknown, found)
        read = ReadFile(table, path, records, kind, data, tuple(sorted(unknown)), 1)
    else:
        try:
            ignored = _check_names(path, parquet_column_names(data), wanted)
            read = ReadFile(table, path, read_parquet(data, wanted), kind, b"", ignored)
        except (pa.ArrowException, OSError) as error:
            raise RefusedFile(
                f"{path.name} cannot be read as Parquet: {error}. To do: deliver it again"
            ) from error
    return read


def _unpack(path: Path, data: bytes) -> bytes:
    parts: list[bytes] = []
    size = 0
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            while part := stream.read(64 * 1024**2):
                parts.append(part)
                size += len(part)
                if size > LARGEST_UNPACKED_BYTES:
                    raise RefusedFile(
                        f"{path.name} unpacks to more than {LARGEST_UNPACKED_BYTES:,} bytes. To do: split it"
                    )
    except (OSError, EOFError, zlib.error) as error:
        raise RefusedFile(
            f"{path.name} cannot be unpacked (gzip: {error}). To do: deliver it again"
        ) from error
    return b"".join(parts)


def _check_names(path: Path, header: list[str], wanted: list[str]) -> tuple[str, ...]:
    """Refuse missing and repeated columns; return those that nothing is declared for."""
    repeated = sorted({name for name in header if header.count(name) > 1})
    if repeated:
        raise RefusedFile(
            f"{path.name}: the header names {_names(repeated)} more than once. To do: keep one of each"
        )
    unknown = [name for name in header if name not in wanted]
    missing = [name for name in wanted if name not in header]
    if missing:
        hint = f" It has {_names(unknown)} that nothing is declared for: renamed?" if unknown else ""
        raise RefusedFile(
            f"{path.name}: the header lacks {_names(missing)}.{hint} "
            "To do: deliver the declared columns, or change the declaration"
        )
    return tuple(unknown)


def _check_keys(path: Path, table: Table, records: Records, unknown: set[str], found: set[str]) -> None:
    if not len(records.lines):
        return
    absent = [column for column in table.columns if column.name not in found]
    missing = [column.name for column in absent if column.required or unknown]
    if missing:
        hint = f" It has {_names(sorted(unknown))} that nothing is declared for: renamed?" if unknown else ""
        raise RefusedFile(
            f"{path.name}: no line has {_names(missing)}.{hint} "
            "To do: deliver the declared keys, or change the declaration"
        )


def _names(names: list[str]) -> str:
    return ", ".join(repr(name) for name in names)

"""CSV, read strictly: one bad line costs that line and never its neighbours."""

import io
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.csv as pa_csv

LONGEST_RECORD_LINES = 1_000
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass
class Records:
    """Fields by column as text, with their line numbers, and the lines that are not records."""

    columns: dict[str, pa.Array]
    lines: pa.Array
    rejects: list[tuple[int, str]] = field(default_factory=list)
    ends: dict[int, int] = field(default_factory=dict)

    @property
    def received(self) -> int:
        """Return how many rows the file holds, good and bad."""
        return len(self.lines) + len(self.rejects)


@dataclass(frozen=True)
class Dialect:
    """How a CSV file is written."""

    delimiter: str = ","
    quote: str = '"'
    encoding: str = "utf-8"
    columns_with_newlines: frozenset[str] = frozenset()


def split_header(data: bytes, dialect: Dialect) -> tuple[list[str], bytes]:
    """Return the column names and the bytes after the header line.

    Raises
    ------
    ValueError
        If the header is not text or its quotes do not close.
    """
    data = data.removeprefix(BYTE_ORDER_MARK)
    first, _, body = data.partition(b"\n")
    line = first.rstrip(b"\r").decode(dialect.encoding)
    if dialect.quote and dialect.quote in line:
        fields, error = _fields(line, dialect)
        if error:
            raise ValueError(f"its quotes do not close: {line!r}")
        return fields, body
    return line.split(dialect.delimiter), body


def read_records(body: bytes, header: list[str], wanted: list[str], dialect: Dialect) -> Records:
    """Read the lines after the header; the first of them is line 2."""
    quotes = bool(dialect.quote) and dialect.quote.encode() in body
    if not quotes and b"\0" not in body and dialect.encoding == "utf-8":
        records = _read_plain(body, header, wanted, dialect)
        if records is not None:
            return records
    return _read_line_by_line(body, header, wanted, dialect)


def raw_line(body: bytes, line: int, end: int) -> bytes:
    """Return the bytes of lines `line` to `end` (line 2 is the first of the body)."""
    return b"\n".join(body.split(b"\n")[line - 2 : end - 1])


def _read_plain(body: bytes, header: list[str], wanted: list[str], dialect: Dialect) -> Records | None:
    # without quotes every line is a record; anything unexpected is left to the careful reader
    # (of a blank line, Arrow would make a row of empty fields)
    blank = b"\n\n" in body or b"\n\r\n" in body or body.startswith((b"\n", b"\r\n"))
    if blank or body.count(b"\r") != body.count(b"\r\n"):
        return None
    expected = body.count(b"\n") + (0 if body.endswith(b"\n") or not body else 1)
    if expected == 0:
        return _records({name: [] for name in wanted}, [])
    try:
        table = pa_csv.read_csv(
            io.BytesIO(body),
            read_options=pa_csv.ReadOptions(column_names=header, use_threads=False),
            parse_options=pa_csv.ParseOptions(
                delimiter=dialect.delimiter, quote_char=False, ignore_empty_lines=False
            ),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(header, pa.string()),
                include_columns=wanted,
                strings_can_be_null=False,
                check_utf8=True,
            ),
        )
    except pa.ArrowInvalid:
        return None
    if table.num_rows != expected:
        return None
    columns = {name: table.column(name).combine_chunks() for name in wanted}
    return Records(columns=columns, lines=pa.array(range(2, expected + 2), pa.int64()))


def _read_line_by_line(body: bytes, header: list[str], wanted: list[str], dialect: Dialect) -> Records:
    lines = _decoded_lines(body, dialect.encoding)
    if lines and lines[-1] == "":
        lines.pop()
    width, delimiter, quote = len(header), dialect.delimiter, dialect.quote
    rows: list[list[str]] = []
    numbers: list[int] = []
    rejects: list[tuple[int, str]] = []
    ends: dict[int, int] = {}
    nul_possible = b"\0" in body
    position = 0
    while position < len(lines):
        line, number = lines[position], position + 2
        position += 1
        if line is None or (nul_possible and "\0" in line):
            rejects.append((number, "not_utf8" if line is None else "nul_byte"))
            continue
        if quote and quote in line:
            fields, error, used = _record_with_quotes(lines, position - 1, header, dialect)
            if error:
                rejects.append((number, error))
                continue
            if used > 1:
                ends[number] = number + used - 1
                position += used - 1
        else:
            line = line.removesuffix("\r")
            if not line:
                continue
            fields = line.split(delimiter)
        if len(fields) == width:
            rows.append(fields)
            numbers.append(number)
        else:
            rejects.append((number, "wrong_field_count"))
    by_column = list(zip(*rows, strict=True)) or [()] * width
    records = _records({name: list(by_column[header.index(name)]) for name in wanted}, numbers)
    records.rejects, records.ends = rejects, ends
    return records


def _records(columns: dict[str, list[str]], numbers: list[int]) -> Records:
    arrays = {name: pa.array(values, pa.string()) for name, values in columns.items()}
    return Records(columns=arrays, lines=pa.array(numbers, pa.int64()))


def _decoded_lines(body: bytes, encoding: str) -> list[str | None]:
    try:
        return list(body.decode(encoding).split("\n"))
    except UnicodeDecodeError:
        return [_decoded(line, encoding) for line in body.split(b"\n")]


def _decoded(line: bytes, encoding: str) -> str | None:
    try:
        return line.decode(encoding)
    except UnicodeDecodeError:
        return None


def _record_with_quotes(
    lines: list[str | None], start: int, header: list[str], dialect: Dialect
) -> tuple[list[str], str | None, int]:
    """Return the fields, an error code or None, and how many lines the record takes."""
    text = lines[start] or ""
    fields, error = _fields(text.removesuffix("\r"), dialect)
    if error != "unclosed_quote":
        return fields, error, 1
    column = len(fields)
    if column >= len(header) or header[column] not in dialect.columns_with_newlines:
        return [], error, 1
    for used in range(2, min(LONGEST_RECORD_LINES, len(lines) - start) + 1):
        line = lines[start + used - 1]
        if line is None or "\0" in line or _is_whole_record(line, len(header), dialect):
            break
        text = f"{text}\n{line}"
        fields, error = _fields(text.removesuffix("\r"), dialect)
        if error is None:
            return (fields, None, used) if len(fields) == len(header) else ([], "unclosed_quote", 1)
        if error != "unclosed_quote" or not set(header[len(fields) :][:1]) <= dialect.columns_with_newlines:
            break
    return [], "unclosed_quote", 1


def _is_whole_record(line: str, width: int, dialect: Dialect) -> bool:
    # a line that is a record by itself was not meant as part of the text before it: that quote was lost
    fields, error = _fields(line.removesuffix("\r"), dialect)
    return width > 1 and error is None and len(fields) == width


def _fields(text: str, dialect: Dialect) -> tuple[list[str], str | None]:
    """Split one record; on an unclosed quote the fields before it are returned."""
    delimiter, quote = dialect.delimiter, dialect.quote
    fields: list[str] = []
    position, end = 0, len(text)
    while True:
        if text.startswith(quote, position):
            value, position = _quoted(text, position + 1, quote)
            if value is None:
                return fields, "unclosed_quote"
            if position < end and text[position] != delimiter:
                return fields, "stray_quote"
        else:
            stop = text.find(delimiter, position)
            stop = end if stop < 0 else stop
            value = text[position:stop]
            if quote in value:
                return fields, "stray_quote"
            position = stop
        fields.append(value)
        if position >= end:
            return fields, None
        position += 1


def _quoted(text: str, start: int, quote: str) -> tuple[str | None, int]:
    """Return the value of a quoted field and the position after its closing quote."""
    position = start
    while True:
        closing = text.find(quote, position)
        if closing < 0:
            return None, len(text)
        if text.startswith(quote, closing + 1):
            position = closing + 2
            continue
        return text[start:closing].replace(quote * 2, quote), closing + 1

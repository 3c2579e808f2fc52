"""A result as text: a table to read, CSV or JSON Lines to go on with."""

import csv
import io
import json
import math
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from warehouse.shell.session import Result

LONGEST_CELL = 60
WIDEST = 200
# A spreadsheet takes a cell that begins so for a formula.
FORMULA_STARTS = tuple("=+-@\t\r\n＝＋－＠")


def as_table(result: Result, widest: int = WIDEST) -> str:
    """Return rows under their names, or below each other where they are wider than `widest`.

    Numbers stand to the right, long texts are cut, and nothing is in it that a terminal would obey.
    """
    cells = [[_cell(value) for value in row] for row in result.rows]
    widths = [
        max(_width(name), *(_width(row[place]) for row in cells), 0)
        for place, name in enumerate(result.columns)
    ]
    numeric = [
        any(isinstance(row[place], int | float | Decimal) for row in result.rows)
        for place in range(len(widths))
    ]
    lines = [
        "  ".join(_padded(name, width, to_the_right=right) for name, width, right in zip(*row, strict=True))
        for row in ((cell_row, widths, numeric) for cell_row in [list(result.columns), *cells])
    ]
    if sum(widths) + 2 * len(widths) > widest:
        return _row_by_row(result.columns, cells)
    rule = "  ".join("-" * width for width in widths)
    return "\n".join(line.rstrip() for line in [lines[0], rule, *lines[1:]])


def as_csv(result: Result) -> str:
    """Return RFC 4180 with a header; a text that a spreadsheet would compute gets an apostrophe before it."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(result.columns)
    writer.writerows([[_safe(value) for value in row] for row in result.rows])
    return stream.getvalue().removesuffix("\r\n")


def as_json(result: Result) -> str:
    """Return one JSON object a line; what is no number (NaN, infinity) is null."""
    return "\n".join(
        json.dumps(
            {name: _plain(value) for name, value in zip(result.columns, row, strict=True)}, ensure_ascii=False
        )
        for row in result.rows
    )


FORMATS: Mapping[str, Callable[[Result], str]] = {"table": as_table, "csv": as_csv, "json": as_json}


def columns_of_text(rows: Sequence[Sequence[str]], *, gap: str = "  ") -> str:
    """Return short rows of text below each other, all columns but the last as wide as their widest cell."""
    widths = [max((_width(row[place]) for row in rows), default=0) for place in range(len(rows[0]) - 1)]
    return "\n".join(
        gap.join(
            [*(_padded(cell, width) for cell, width in zip(row, widths, strict=False)), row[-1]]
        ).rstrip()
        for row in rows
    )


def _row_by_row(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> str:
    rows = []
    for number, row in enumerate(cells, start=1):
        pairs = [(f"  {name}", cell) for name, cell in zip(columns, row, strict=True)]
        rows.append(f"row {number:,}\n{columns_of_text(pairs)}")
    return "\n".join(rows)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}" if abs(value) < 1_000_000 else f"{value:.2f}"
    text = "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in str(value)
    )
    return text if len(text) <= LONGEST_CELL else f"{text[: LONGEST_CELL - 1]}…"


def _padded(text: str, width: int, *, to_the_right: bool = False) -> str:
    blanks = " " * (width - _width(text))
    return f"{blanks}{text}" if to_the_right else f"{text}{blanks}"


def _width(text: str) -> int:
    """Return the columns that a text takes on a terminal; Chinese signs take two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def _safe(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value


def _plain(value: Any) -> Any:
    """Return what JSON can hold."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if value is None or isinstance(value, bool | int | str):
        return value
    return float(value) if isinstance(value, Decimal) else str(value)

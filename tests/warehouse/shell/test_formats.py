import csv
import json
from datetime import date
from decimal import Decimal
from typing import Any

from warehouse.shell.formats import as_csv, as_json, as_table
from warehouse.shell.session import Result


def result(columns: str, *rows: tuple[Any, ...]) -> Result:
    return Result(tuple(columns.split()), rows, is_cut=False, seconds=0.0)


def test_a_table_lines_up_also_where_signs_are_wide() -> None:
    text = as_table(result("tier users", ("高风险", 953), ("low", 16)))
    assert text.splitlines() == ["tier    users", "------  -----", "高风险    953", "low        16"]


def test_a_table_shows_nothing_that_a_terminal_would_obey() -> None:
    text = as_table(result("a b", ("\x1b[2Jgone\n", None)))
    assert "\x1b" not in text
    assert r"\x1b[2Jgone\n" in text


def test_a_row_too_wide_for_a_line_is_shown_column_by_column() -> None:
    text = as_table(result("first second", ("x" * 30, 2)), widest=20)
    assert text.splitlines() == ["row 1", f"  first   {'x' * 30}", "  second  2"]


def test_a_csv_cell_that_a_spreadsheet_would_compute_is_defused_and_numbers_are_not() -> None:
    rows = list(csv.reader(as_csv(result("a b c", ("=1+1", -1.5, 'x"y'))).splitlines()))
    assert rows == [["a", "b", "c"], ["'=1+1", "-1.5", 'x"y']]


def test_json_holds_what_json_can_hold() -> None:
    text = as_json(
        result("a b c d e", (float("nan"), date(2026, 6, 30), [Decimal("1.5"), None], {"k": b"x"}, "人"))
    )
    assert json.loads(text) == {"a": None, "b": "2026-06-30", "c": [1.5, None], "d": {"k": "b'x'"}, "e": "人"}

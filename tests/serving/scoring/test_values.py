"""A value is taken as its column wants it, or refused with what it must be."""

import json
from datetime import date, datetime
from decimal import Decimal

import pytest

from serving.scoring.values import WrongValue, typed

MONEY = "decimal(18, 4)"


@pytest.mark.parametrize(
    ("text", "sql_type", "expected"),
    [
        ('"00017"', "varchar", "00017"),
        ("17", "integer", 17),
        ("17", MONEY, Decimal("17.0000")),
        ("129.9", MONEY, Decimal("129.9000")),
        ("1.5e2", MONEY, Decimal("150.0000")),
        ("0e99", MONEY, Decimal("0.0000")),
        ("true", "boolean", True),
        ('"2026-06-30"', "date", date(2026, 6, 30)),
        ('"2026-06-30T09:15:00+08:00"', "timestamp", datetime(2026, 6, 30, 1, 15)),
        ('"2026-06-30T01:15:00.250Z"', "timestamp", datetime(2026, 6, 30, 1, 15, 0, 250_000)),
        ("null", "timestamp", None),
    ],
)
def test_a_good_value_is_taken(text, sql_type, expected):
    found = typed(json.loads(text, parse_float=Decimal), sql_type)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("text", "sql_type", "message"),
    [
        ("17", "varchar", "must be a text: ids are text too"),
        ('"a\\u0000b"', "varchar", "without the sign NUL"),
        ('"\\ud800"', "varchar", "without half signs"),
        ('"17"', "integer", "must be a whole number"),
        ("true", "integer", "must be a whole number"),
        ("1.0", "integer", "must be a whole number"),
        ("2147483648", "integer", "at most 2147483647"),
        ('"9.99"', MONEY, "must be a number"),
        ("false", MONEY, "must be a number"),
        ("0.00001", MONEY, "at most 4 digits after the point"),
        ("1e14", MONEY, "below 1e14"),
        ("1e999999", MONEY, "below 1e14"),
        ('"2026-06-30T09:15:00"', "timestamp", "must say its zone"),
        ('"yesterday"', "timestamp", "must be a time with its zone"),
        ("1751246100", "timestamp", "must be a time with its zone"),
        ('"0001-01-01T00:00:00+08:00"', "timestamp", "between the years 1900 and 2199"),
        ('"2026-02-30"', "date", "must be a day"),
        ('"20260630"', "date", "must be a day"),
        ('"yes"', "boolean", "must be true or false"),
        ("1", "boolean", "must be true or false"),
        ("[1]", "varchar", "must be a text"),
        ("{}", "date", "must be a day"),
    ],
)
def test_another_value_is_refused_and_told_what_it_must_be(text, sql_type, message):
    with pytest.raises(WrongValue, match=message):
        typed(json.loads(text, parse_float=Decimal), sql_type)


def test_a_text_may_be_long_but_not_endless():
    assert typed("x" * 10_000, "varchar")
    with pytest.raises(WrongValue, match="at most 10,000 characters"):
        typed("x" * 10_001, "varchar")

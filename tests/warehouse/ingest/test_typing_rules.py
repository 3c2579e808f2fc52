"""Every type takes what has the declared form, and names what is wrong with everything else."""

import unicodedata
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from warehouse.ingest.typing_rules import typed_select
from warehouse.sources import Column, Table


def read(column: Column, *texts: str | None, event_time: bool = False) -> list[tuple[Any, str | None]]:
    """Return value and reason code of each text, delivered on 2025-03-05 in London."""
    table = Table(
        name="t",
        identifier="t",
        columns=(column,),
        files=("*",),
        event_time=column.name if event_time else None,
    )
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("create table received (file_index integer, line_number bigint, c0 varchar)")
        connection.executemany("insert into received values (0, ?, ?)", list(enumerate(texts)))
        connection.execute(
            "create table files as select 0 as file_index, false as is_native, "
            "timestamp '2025-03-07' as future_limit, timestamp '2025-01-19' as late_limit"
        )
        return connection.execute(
            f"select v0, code from ({typed_select(table, 'received', 'files')}) order by line_number"
        ).fetchall()


ID = Column("x", "id")
DECIMAL = Column("x", "decimal")
LONDON = Column("x", "timestamp", formats=("%Y-%m-%d %H:%M:%S",), time_zone="Europe/London")
ISO = Column("x", "timestamp", formats=("iso8601",), time_zone="Asia/Shanghai")


@pytest.mark.parametrize(
    "text", ["000123", "1e5", "12345678901234567890", "17850.0", "+7", "客户一", "👩‍🌾"[0]]
)
def test_ids_are_kept_exactly(text: str) -> None:
    assert read(ID, text) == [(text, None)]


def test_ids_are_trimmed_and_composed() -> None:
    decomposed = unicodedata.normalize("NFD", "José")
    assert read(ID, f" \u00a0{decomposed}\u3000\t") == [("José", None)]


@pytest.mark.parametrize(
    "text", ["a\u200bb", "a\u202eb", "a\u0007b", "a\u00a0b", "a\ufeffb", "a\u2028b", "a\ufffdb"]
)
def test_ids_with_characters_that_cannot_be_seen_are_refused(text: str) -> None:
    assert read(ID, text) == [(text, "unsafe_id")]


def test_a_declared_suffix_is_cut_off_ids_and_numbers() -> None:
    column = Column("x", "id", strip_suffix=".0")
    assert read(column, "17850.0", "17850", "", "17850.5") == [
        ("17850", None), ("17850", None), (None, None), ("17850.5", None)
    ]  # fmt: skip
    assert read(Column("x", "integer", strip_suffix=".0"), "7.0", "7.5") == [
        (7, None),
        (None, "not_an_integer"),
    ]


def test_text_is_kept_as_it_is() -> None:
    text = "  a\u200bb\u00a0e\u0301 \u202e 👩‍🌾 𠮷 "
    assert read(Column("x", "text"), text, "") == [(text, None), (None, None)]
    assert read(Column("x", "text", maximum_length=3), "abcd") == [("abcd", "too_long")]


def test_a_required_value_may_not_be_empty() -> None:
    assert read(Column("x", "text", required=True), "") == [(None, "missing_value")]
    assert read(Column("x", "id", required=True), " \u00a0") == [(None, "missing_value")]
    assert read(Column("x", "id", required=True, null_values=("", "NULL")), "NULL") == [
        (None, "missing_value")
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", "1"),
    ("-0", "0"),
    ("-0.00", "0"),
    ("+2.50", "2.5"),
    (".5", "0.5"),
    ("１２.５", "12.5"),
    ("1.23450000", "1.2345")],
)  # fmt: skip
def test_plain_decimals_are_read(text: str, value: str) -> None:
    ((found, code),) = read(DECIMAL, text)
    assert code is None
    assert found == Decimal(value)
    assert not str(found).startswith("-0")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("NaN", "not_a_number"),
        ("Infinity", "not_a_number"),
        ("-inf", "not_a_number"),
        ("1e308", "not_a_number"),
        ("1e5", "not_a_number"),
        ("1,234.56", "not_a_number"),
        ("12,3x", "not_a_number"),
        ("--", "not_a_number"),
        ("£5", "not_a_number"), ("1_000", "not_a_number"), ("٣", "not_a_number"), ("5.", "not_a_number"),
        ("9" * 40, "number_out_of_range"), ("1.23456", "too_many_decimals"),
    ],
)  # fmt: skip
def test_other_numbers_are_refused(text: str, code: str) -> None:
    assert read(DECIMAL, text)[0][1] == code


def test_declared_separators_and_limits_count() -> None:
    column = Column("x", "decimal", thousands_separator=",", minimum="0", maximum="5000")
    assert read(column, "1,234.56", "1,23", "1234.5", "-1", "6,000") == [
        (Decimal("1234.5600"), None), (None, "not_a_number"), (Decimal("1234.5000"), None),
        (Decimal("-1.0000"), "below_minimum"), (Decimal("6000.0000"), "above_maximum"),
    ]  # fmt: skip
    european = Column("x", "decimal", thousands_separator=".", decimal_separator=",")
    assert read(european, "1.234,5") == [(Decimal("1234.5000"), None)]
    assert read(Column("x", "decimal", round=True), "0.123456") == [(Decimal("0.1235"), None)]


@pytest.mark.parametrize("text", ["1.5", "1e3", "", "0x10", "9223372036854775808"])
def test_integers_are_whole(text: str) -> None:
    assert read(Column("x", "integer", required=True), text)[0][1] is not None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("2025-13-01 10:00:00", "not_a_time"),
        ("08/03/2025 10:00:00", "not_a_time"),
        ("yesterday", "not_a_time"),
        ("infinity", "not_a_time"),
        ("epoch", "not_a_time"),
        ("2025-03-05", "not_a_time"),
        ("25-03-05 10:00:00", "not_a_time"),
        ("2025-03-05 10:00:00Z", "not_a_time"),
        ("1741168800", "not_a_time"),
        ("2025-02-29 10:00:00", "not_a_time"),
        ("9999-12-31 00:00:00", "future_dated"),
        ("2025-03-08 00:00:01", "future_dated"),
        ("1970-01-01 00:00:00", "too_early"),
        ("2024-03-31 01:30:00", "local_time_does_not_exist"),
    ],
)  # fmt: skip
def test_other_times_are_refused(text: str, code: str) -> None:
    assert read(LONDON, text)[0][1] == code


def test_local_times_become_utc_and_the_repeated_hour_is_the_first() -> None:
    texts = ("2024-10-27 00:59:59", "2024-10-27 01:30:00", "2024-10-27 02:00:00", "2024-07-01 00:00:00")
    assert [str(value) for value, _ in read(LONDON, *texts)] == [
        "2024-10-26 23:59:59", "2024-10-27 00:30:00", "2024-10-27 02:00:00", "2024-06-30 23:00:00"
    ]  # fmt: skip


def test_iso_times_with_and_without_offset() -> None:
    texts = (
        "2025-03-05T10:00:00+01:00",
        "2025-03-05 10:00:00Z",
        "2025-03-05T10:00",
        "2025-03-05T10:00:00.5-0500",
    )
    assert [str(value) for value, _ in read(ISO, *texts)] == [
        "2025-03-05 09:00:00", "2025-03-05 10:00:00", "2025-03-05 02:00:00", "2025-03-05 15:00:00.500000"
    ]  # fmt: skip


def test_epoch_numbers_are_read_only_in_the_declared_unit() -> None:
    moment = datetime(2025, 3, 5, 10, tzinfo=UTC)
    seconds = str(int(moment.timestamp()))
    naive = moment.replace(tzinfo=None)
    assert read(Column("x", "timestamp", formats=("epoch_seconds",)), seconds) == [(naive, None)]
    assert read(Column("x", "timestamp", formats=("epoch_milliseconds",)), seconds + "000") == [(naive, None)]
    assert read(Column("x", "timestamp", formats=("epoch_seconds",)), seconds + "000")[0][1] is not None
    assert read(Column("x", "timestamp", formats=("epoch_milliseconds",)), seconds)[0][1] == "too_early"


def test_several_declared_formats_are_tried_in_order() -> None:
    column = Column("x", "timestamp", formats=("%d/%m/%Y %H:%M", "%Y-%m-%dT%H:%M:%S%z", "%d %b %Y %I:%M %p"))
    texts = ("08/03/2024 10:00", "2024-03-08T10:00:00+0100", "8 Mar 2024 01:05 PM")
    assert [str(value) for value, _ in read(column, *texts)] == [
        "2024-03-08 10:00:00", "2024-03-08 09:00:00", "2024-03-08 13:05:00"
    ]  # fmt: skip


def test_rows_too_late_after_their_event_are_named() -> None:
    texts = ("2025-01-18 23:59:59", "2025-01-19 00:00:00")
    assert [code for _, code in read(LONDON, *texts, event_time=True)] == ["too_late", None]


def test_dates_and_booleans() -> None:
    column = Column("x", "date", formats=("%d.%m.%Y",))
    assert [code for _, code in read(column, "31.12.2025", "31.02.2025", "2025-12-31", "1.1.1800")] == [
        None, "not_a_date", "not_a_date", "too_early"
    ]  # fmt: skip
    assert read(Column("x", "boolean"), "TRUE", "no", "maybe") == [
        (True, None),
        (False, None),
        (None, "not_a_boolean"),
    ]

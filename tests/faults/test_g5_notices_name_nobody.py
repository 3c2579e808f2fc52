"""G5: no notice, log line or waiting row holds an address, a telephone number or a name."""

import sqlite3
from collections.abc import Iterator

import pytest

from tests.warehouse.notices.conftest import office
from tests.warehouse.notices.makers import alert
from tests.warehouse.notices.office import Office
from warehouse.errors import ContractBreach
from warehouse.notices.notice import shown_user, without_personal_data

NAME, MAIL, PHONES = "Canary Birdsong", "canary.bird@song.example", ("+44 20 7946 0958", "13812345678")

__all__ = ["office"]


@pytest.fixture
def down_then_up(office: Office) -> Iterator[Office]:
    """Everything fails first, so that it is written into the ledger, and goes out later."""
    office.web.code, office.mail.answer = 500, f"550 <{MAIL}> unknown"
    yield office
    office.web.code, office.mail.answer = 200, "250 OK"
    assert office.bring_out() > 0
    everything = [*office.mail.texts, str(office.web.got), *office.said, *_ledger_rows(office)]
    assert len(everything) > 4
    for text in everything:
        for canary in (NAME, MAIL, "canary.bird", *PHONES):
            assert canary not in text


def _ledger_rows(office: Office) -> list[str]:
    with sqlite3.connect(office.settings.home / "ledger" / "ledger.db") as connection:
        rows = connection.execute("select payload, failure, subject from notices").fetchall()
    connection.close()
    assert rows
    return [str(row) for row in rows]


def test_g5_a_users_texts_and_an_id_that_is_an_address_are_not_told(down_then_up: Office) -> None:
    down_then_up.alerts(
        [
            alert(1, user_id=MAIL, reason_sentence_en=f"Wrote from {MAIL} and {PHONES[0]}"),
            alert(2, user_id=PHONES[1], what_to_do_en=f"Call {PHONES[1]} or {PHONES[0]}, write to {MAIL}"),
        ]
    )


@pytest.mark.parametrize(
    "error",
    [
        ValueError(f"row 7: ({NAME}, {MAIL}, {PHONES[0]})"),
        ContractBreach("A row cannot be taken", (NAME, MAIL, PHONES[1]), "have it delivered again"),
        ContractBreach(f"line 3 holds {MAIL}", None, f"ask {MAIL} or {PHONES[0]}"),
    ],
    ids=["foreign", "the value found", "in the text itself"],
)
def test_g5_what_an_error_found_is_not_told(down_then_up: Office, error: Exception) -> None:
    assert down_then_up.fails("run1:1", error) == 3


@pytest.mark.parametrize(
    "text", ["run 20260630-000042", "2026-06-30 09:00 UTC", "1,234.50", "u0003216", "10.0.0.1", "0.758"]
)
def test_g5_numbers_that_are_no_telephones_stay(text: str) -> None:
    assert without_personal_data(text) == text


def test_g5_two_users_whose_ids_are_addresses_stay_two() -> None:
    first, second = shown_user(MAIL), shown_user("other@song.example")
    assert first != second
    assert first.startswith("user-")
    assert shown_user("u0003216") == "u0003216"

"""Who did what: a chain on both databases, written with the deed, safe among many writers."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.warehouse.ledger.campaign_makers import NOW, message
from warehouse.audit import verify_audit
from warehouse.ledger import Action, ContactBlock, Ledger
from warehouse.ledger.access_tables import audit_entries
from warehouse.ledger.audit_book import operator
from warehouse.ledger.campaign_records import DeliveryAttempt
from warehouse.ledger.claim_book import Result

APPEND = """
import sys
from pathlib import Path
from warehouse.ledger import Action, Ledger
with Ledger(sys.argv[1]) as ledger:
    ledger.anchor = Path(sys.argv[2])
    for number in range(25):
        ledger.record_actions([Action(sys.argv[3], "tried", str(number)), Action(sys.argv[3], "again", "x")])
"""


def told(ledger: Ledger) -> list[tuple[str, str, str]]:
    return [(entry.actor, entry.action, entry.subject) for entry in ledger.every_audit_entry()]


def test_the_chain_begins_with_the_ledger(ledger: Ledger) -> None:
    assert told(ledger) == [("migration", "audit.began", "ledger")]
    assert verify_audit(ledger).faults == ()


def test_entries_come_back_as_they_were_recorded(ledger: Ledger) -> None:
    ledger.record_actions([Action("ada", "looked", "名单", {"rows": 3, "run_id": "r1"})])
    (found,) = ledger.newest_audit_entries(1)
    assert (found.entry_number, found.actor, found.action, found.subject) == (2, "ada", "looked", "名单")
    assert found.details == {"rows": 3, "run_id": "r1"}
    assert verify_audit(ledger).faults == ()


def test_an_action_that_is_undone_leaves_no_entry_and_no_gap(ledger: Ledger) -> None:
    with pytest.raises(ZeroDivisionError), ledger.writing() as connection:
        ledger.append_actions(connection, [Action("ada", "tried", "x")])
        raise ZeroDivisionError
    ledger.record_actions([Action("ada", "did", "x")])
    assert [entry.entry_number for entry in ledger.every_audit_entry()] == [1, 2]


def test_processes_that_append_at_once_make_one_whole_chain(ledger_url: str, tmp_path: Path) -> None:
    with Ledger(ledger_url) as ledger:
        anchor = tmp_path / "head.json"
        processes = [
            subprocess.Popen([sys.executable, "-c", APPEND, ledger_url, str(anchor), f"p{number}"])
            for number in range(3)
        ]
        assert [process.wait(timeout=60) for process in processes] == [0, 0, 0]
        ledger.anchor = anchor
        report = verify_audit(ledger)
        assert report.faults == ()
        assert report.entries == 151
        assert {actor for actor, _, _ in told(ledger)} == {"migration", "p0", "p1", "p2"}
        assert json.loads(anchor.read_text())["entry_number"] == 151
        assert anchor.stat().st_mode & 0o777 == 0o600


def test_the_anchor_never_goes_back(ledger: Ledger, tmp_path: Path) -> None:
    ledger.anchor = tmp_path / "head.json"
    for number in range(9):
        ledger.record_actions([Action("ada", "did", str(number))])
    kept = ledger.anchor.read_text()
    from warehouse.ledger.audit_book import write_anchor

    write_anchor(ledger.anchor, ledger.newest_audit_entries(4)[0])
    assert ledger.anchor.read_text() == kept


def test_an_anchor_that_cannot_be_written_stops_nobody_and_is_behind_until_the_next(
    ledger: Ledger, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ledger.anchor = tmp_path / "a file" / "head.json"
    ledger.anchor.parent.write_text("in the way")
    ledger.record_actions([Action("ada", "did", "x")])
    assert "could not be kept" in caplog.text
    ledger.anchor.parent.unlink()
    ledger.record_actions([Action("ada", "did", "y")])
    assert json.loads(ledger.anchor.read_text())["entry_number"] == 3


def test_what_the_ledger_records_is_told_with_who_did_it(ledger: Ledger) -> None:
    ledger.block_contacts([ContactBlock("shop", "u1", "any", "do_not_contact", NOW)])
    ledger.block_contacts([ContactBlock("shop", "u1", "any", "do_not_contact", NOW)])
    assert told(ledger)[1:] == [(operator(), "contact.blocked", "u1")]
    assert ledger.lift_blocks("shop", "u1", "any", at=NOW)
    assert told(ledger)[-1] == (operator(), "contact.unblocked", "u1")


def test_a_batch_of_messages_is_one_entry_that_counts_them(ledger: Ledger) -> None:
    sent = [message(f"u{number}") for number in range(3)]
    with ledger.writing() as connection:
        ledger.write_messages(connection, sent)
    results = [
        Result(DeliveryAttempt(one.message_id, 1, ledger.clock(), outcome, 200, "told"), "sent", NOW)
        for one, outcome in zip(sent, ("accepted", "accepted", "unknown"), strict=True)
    ]
    ledger.record_results(results, "relay/email")
    (entry,) = ledger.newest_audit_entries(1)
    assert (entry.action, entry.subject) == ("messages.handed_over", "relay/email")
    assert entry.details == {"accepted": 2, "unknown": 1}


def test_a_change_in_the_database_is_found(ledger: Ledger) -> None:
    ledger.record_actions([Action("ada", "did", str(number)) for number in range(4)])
    with ledger.writing() as connection:
        connection.execute(sa.update(audit_entries).filter_by(entry_number=3).values(actor="bob"))
    assert verify_audit(ledger).faults == ("entry 3 (did) was changed",)


def test_the_account_and_not_its_environment_says_who_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    before = operator()
    monkeypatch.setenv("USER", "somebody_else")
    monkeypatch.setenv("LOGNAME", "somebody_else")
    assert operator() == before
    assert before == subprocess.check_output(["id", "-un"], text=True).strip()

"""The server's audit: many requests, few transactions, and none of them forgotten."""

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from serving.audit import AuditWriter
from serving.audit_journal import AuditJournal
from tests.warehouse.publish.tiny_build import tiny_settings
from warehouse.audit import verify_audit
from warehouse.ledger import Action, Ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tiny_settings(tmp_path)) as opened:
        yield opened


def journals(ledger: Ledger) -> list[Path]:
    assert ledger.anchor is not None
    return list(ledger.anchor.parent.glob("audit_journal_*"))


def test_entries_of_many_requests_are_written_together_and_all_are_there(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[int] = []
    real = ledger.record_actions
    monkeypatch.setattr(ledger, "record_actions", lambda some: batches.append(len(some)) or real(some))
    writer = AuditWriter(ledger)

    async def many() -> None:
        await asyncio.gather(*(writer.write(Action("key:a", "api.get", str(one))) for one in range(60)))

    asyncio.run(many())
    writer.close()
    assert {entry.subject for entry in ledger.every_audit_entry()} >= {str(one) for one in range(60)}
    assert sum(batches) == 60
    assert len(batches) < 60, "each of them cost a transaction of its own"
    assert verify_audit(ledger).faults == ()


def test_who_waits_is_told_when_nothing_could_be_written_and_the_next_goes_on(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = AuditWriter(ledger)
    real = ledger.record_actions

    def fails(_: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(ledger, "record_actions", fails)
    with pytest.raises(OSError, match="no space"):
        asyncio.run(writer.write(Action("key:a", "api.get", "lost")))
    monkeypatch.setattr(ledger, "record_actions", real)
    asyncio.run(writer.write(Action("key:a", "api.get", "kept")))
    writer.close()
    assert [entry.subject for entry in ledger.every_audit_entry()] == ["ledger", "kept"]


def test_an_answer_does_not_wait_for_whoever_holds_the_ledger_and_the_entry_is_kept(ledger: Ledger) -> None:
    writer = AuditWriter(ledger)
    with ledger.writing():
        began = time.monotonic()
        asyncio.run(writer.write(Action("key:a", "api.get", "meanwhile", {"rows": 1})))
        assert time.monotonic() - began < 20
        (journal,) = journals(ledger)
        assert journal.read_text() == '["key:a", "api.get", "meanwhile", {"rows": 1}]\n'
        assert journal.stat().st_mode & 0o777 == 0o600
    writer.close()
    assert ledger.newest_audit_entries(1)[0].details == {"rows": 1}
    assert journals(ledger) == []


def test_what_a_server_that_died_had_noted_is_in_the_chain_of_the_next(ledger: Ledger) -> None:
    died = AuditJournal(ledger.anchor.parent)  # type: ignore[union-attr]
    died.note(Action("key:a", "api.get", "before"), lambda: False)
    died.note(Action("key:a", "api.get", "chained"), lambda: True)
    living = AuditJournal(ledger.anchor.parent)  # type: ignore[union-attr]
    living.note(Action("key:b", "api.get", "not yet"), lambda: False)
    os.write(died._file, b'["key:a", "api.get", "cut sh')
    os.close(died._file)
    writer = AuditWriter(ledger)
    assert [entry.subject for entry in ledger.every_audit_entry()] == ["ledger", "before"]
    writer.close()
    assert len(journals(ledger)) == 1, "that of the server that lives is left to it"
    assert verify_audit(ledger).faults == ()


def test_what_waits_is_written_before_the_server_ends(ledger: Ledger) -> None:
    writer = AuditWriter(ledger)

    async def ask_and_leave() -> None:
        asking = asyncio.create_task(writer.write(Action("key:a", "api.get", "last")))
        await asyncio.sleep(0)
        writer.close()
        await asking

    asyncio.run(ask_and_leave())
    assert ledger.newest_audit_entries(1)[0].subject == "last"

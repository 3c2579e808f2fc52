"""G12: an audit that was edited, cut, reordered or made anew is found, and so is an action without entry."""

import json
import os
import shutil
import sqlite3
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from serving.__main__ import main
from serving.app import create_app
from serving.audit import record
from serving.settings import ServingSettings
from tests.serving.served import bearing, new_key, publish_day, serving_settings
from warehouse.audit import verify_audit
from warehouse.ledger import AuditEntry, Ledger
from warehouse.ledger.audit_book import sha256_of_entry
from warehouse.publish import rollback


@dataclass
class Forger:
    """Somebody who can write to the database, past the ledger."""

    settings: ServingSettings

    @property
    def anchor(self) -> Path:
        return self.settings.warehouse.home / "ledger" / "audit_head.json"

    def does(self, *statements: str) -> None:
        with sqlite3.connect(self.settings.warehouse.home / "ledger" / "ledger.db") as database:
            for statement in statements:
                assert database.execute(statement).rowcount > 0, statement
        database.close()

    def faults(self) -> tuple[str, ...]:
        with Ledger.open(self.settings.warehouse) as ledger:
            return verify_audit(ledger).faults

    def entries(self) -> list[AuditEntry]:
        with Ledger.open(self.settings.warehouse) as ledger:
            return list(ledger.every_audit_entry())


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Publish twice, roll back, make a key, pull once, and note something by hand."""
    home = tmp_path_factory.mktemp("g12")
    settings = serving_settings(home)
    first = publish_day(settings, 0)
    publish_day(settings, 1)
    with Ledger.open(settings.warehouse) as ledger:
        rollback(settings.warehouse, ledger, first.run_id)
    app = create_app(settings)
    key = new_key(app.state.ledger, "mailer", "runs:read")
    with TestClient(app) as client:
        assert client.get("/v1/runs", headers=bearing(key)).status_code == 200
        record(app.state.ledger, actor="person:ada", action="export", subject="list", details={"rows": 3})
    return home


@pytest.fixture
def forger(home: Path, tmp_path: Path) -> Forger:
    """Give each test a copy of the ledger of its own."""
    shutil.copytree(home / "ledger", tmp_path / "ledger")
    (tmp_path / "published").symlink_to(home / "published")
    return Forger(serving_settings(tmp_path))


def test_g12_what_was_done_is_told_and_the_chain_is_whole(forger: Forger) -> None:
    told = [(entry.action, entry.subject) for entry in forger.entries()]
    runs = [subject for action, subject in told if action == "pointer.publish"]
    assert len(runs) == 2
    assert ("pointer.rollback", runs[0]) in told
    assert [action for action, _ in told].count("key.created") == 1
    assert ("api.get", "/v1/runs") in told
    assert told[-1] == ("export", "list")
    assert forger.faults() == ()


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("update audit_entries set actor = 'nobody' where entry_number = 3", "entry 3 (pointer.publish) was"),
        ("update audit_entries set subject = 'x' where entry_number = 4", "entry 4 (pointer.rollback) was"),
        ("update audit_entries set at = '2020-01-01 00:00:00.000000' where entry_number = 5", "entry 5"),
        ("update audit_entries set details_json = '{\"rows\": 1}' where action = 'export'", "(export) was"),
        ("delete from audit_entries where entry_number = 4", "entries 4 to 4 are gone"),
        ("delete from audit_entries where entry_number > 5", "the end was cut off"),
        ("delete from audit_entries where entry_number = 1", "entries 1 to 1 are gone"),
    ],
)
def test_g12_an_edited_or_cut_audit_is_found(forger: Forger, statement: str, told: str) -> None:
    forger.does(statement)
    faults = forger.faults()
    assert any(told in fault for fault in faults), faults


def test_g12_entries_that_were_swapped_are_found(forger: Forger) -> None:
    forger.does(
        "update audit_entries set entry_number = 99 where entry_number = 3",
        "update audit_entries set entry_number = 3 where entry_number = 4",
        "update audit_entries set entry_number = 4 where entry_number = 99",
    )
    assert any("does not follow the one before it" in fault for fault in forger.faults())


def test_g12_a_chain_that_was_made_anew_is_given_away_by_its_anchor(forger: Forger) -> None:
    entries = [replace(entry, actor="nobody") for entry in forger.entries()]
    statements, previous = [], "0" * 64
    for entry in entries:
        linked = replace(entry, previous_sha256=previous)
        previous = sha256_of_entry(linked)
        statements.append(
            f"update audit_entries set actor = 'nobody', sha256 = '{previous}', "
            f"previous_sha256 = '{linked.previous_sha256}' where entry_number = {entry.entry_number}"
        )
    forger.does(*statements)
    faults = forger.faults()
    assert len(faults) == 1, faults
    assert "the chain was made anew" in faults[0]


def test_g12_an_anchor_that_is_gone_or_broken_is_told(forger: Forger) -> None:
    kept = forger.anchor.read_text()
    forger.anchor.write_text("{}")
    with Ledger.open(forger.settings.warehouse) as ledger:
        record(ledger, actor="ada", action="went on", subject="x", details={})
    assert any("cannot be read" in fault for fault in forger.faults())
    forger.anchor.unlink()
    assert any("is gone" in fault for fault in forger.faults())
    forger.anchor.write_text(kept)
    assert forger.faults() == (), "it is an older head of the same chain"


def test_g12_a_head_that_was_written_down_elsewhere_outlives_a_forged_anchor(
    forger: Forger, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOLDFAST_HOME", str(forger.settings.warehouse.home))
    assert main(["audit", "verify"]) == 0
    head = capsys.readouterr().out.rpartition("head ")[2].strip()
    last, before = forger.entries()[-1], forger.entries()[-2]
    forger.does(f"delete from audit_entries where entry_number = {last.entry_number}")
    forger.anchor.write_text(json.dumps({"entry_number": before.entry_number, "sha256": before.sha256}))
    assert main(["audit", "verify"]) == 0, "nothing here knows better"
    assert main(["audit", "verify", "--head", head]) == 2
    assert "the end was cut off" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        (
            "update pointer_moves set run_id = 'r', why = 'rollback' where why = 'rollback'",
            "pointer.rollback of r",
        ),
        ("update api_keys set revoked_at = '2999-01-01 00:00:00.000000'", "key.revoked of"),
        ("delete from api_keys", "the ledger knows it no more"),
        ("update api_keys set key_id = 'planted'", "key planted is there"),
    ],
)
def test_g12_an_action_without_its_entry_is_told(forger: Forger, statement: str, told: str) -> None:
    forger.does(statement)
    faults = forger.faults()
    assert any(told in fault for fault in faults), faults


def test_g12_the_command_fails_where_the_audit_does(
    forger: Forger, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOLDFAST_HOME", str(forger.settings.warehouse.home))
    forger.does("update audit_entries set actor = 'nobody' where entry_number = 3")
    assert main(["audit", "verify"]) == 2
    assert "was changed" in capsys.readouterr().out
    assert main(["audit", "show", "--last", "2"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) == 2
    assert "person:ada  export  list  rows=3" in shown[-1]


def test_g12_nothing_is_answered_that_cannot_be_recorded(
    forger: Forger, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = create_app(forger.settings)
    key = new_key(app.state.ledger, "puller", "runs:read")
    before = len(forger.entries())

    def fails(_: object) -> None:
        raise OSError("no space left")

    with TestClient(app, raise_server_exceptions=False) as client:
        monkeypatch.setattr(os, "fdatasync", lambda _: fails(None))
        monkeypatch.setattr(app.state.ledger, "record_actions", fails)
        told = client.get("/v1/runs", headers=bearing(key))
    assert told.status_code == 500
    assert "runs" not in told.json()
    assert len(forger.entries()) == before

"""Lists by hand, and with a ledger in PostgreSQL."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from campaigns.lists import write_lists
from campaigns.lists.__main__ import main
from tests.campaigns.lists.makers import DAY, NOW, block, outbox_message, release, settings_of, states
from warehouse.ledger import Ledger, Run
from warehouse.settings import Settings


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOLDFAST_HOME", str(tmp_path))
    monkeypatch.setenv("HOLDFAST_SOURCE", "shop")
    monkeypatch.setenv("HOLDFAST_SENDING", "on")
    for name in ("HOLDFAST_LEDGER_URL", "HOLDFAST_REVERSE_ETL_URL"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_lists_are_written_by_hand_and_said_where(
    home: Path, ledger: Ledger, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    later = datetime.now(UTC) + timedelta(days=1)
    release(ledger, [outbox_message("a", "file", run, expires_at=later)])
    assert main(["--run", run.run_id]) == 0
    assert f"run_id={run.run_id}" in capsys.readouterr().out
    assert states(ledger) == {"a": ("sent", None)}
    assert main(["--run", run.run_id]) == 0
    assert capsys.readouterr().out == "nothing to write\n"


def test_with_sending_off_it_says_so(
    home: Path, ledger: Ledger, run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOLDFAST_SENDING", "off")
    assert main(["--run", run.run_id]) == 0
    assert "HOLDFAST_SENDING is off" in capsys.readouterr().out


def test_errors_say_what_to_do(home: Path, ledger: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--run", "20260630-000099"]) == 2
    assert "20260630-000099" in capsys.readouterr().err


def test_a_second_writer_is_told_to_come_back(
    home: Path, ledger: Ledger, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    from campaigns.lists import _one_writer

    with _one_writer(home / "lists" / "shop"):
        assert main(["--run", run.run_id]) == 75
    assert "busy: Another process is writing lists" in capsys.readouterr().err


@pytest.fixture
def on_postgresql(tmp_path: Path, postgres_server: str) -> Settings:
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute("drop schema public cascade; create schema public")
    return settings_of(tmp_path, HOLDFAST_LEDGER_URL=postgres_server)


def test_a_ledger_in_postgresql_serves_lists_as_well(on_postgresql: Settings) -> None:
    with Ledger(on_postgresql.ledger_url, lambda: NOW) as ledger:
        old = ledger.begin_run("campaigns", "shop", DAY - timedelta(days=1))
        run = ledger.begin_run("campaigns", "shop", DAY)
        release(ledger, [outbox_message("old", "file", old)])
        release(ledger, [outbox_message(user, "file", run) for user in ("a", "b")])
        block(ledger, "b", "email")
        assert len(write_lists(on_postgresql, ledger, run, now=NOW, environment={})) == 1
        assert write_lists(on_postgresql, ledger, run, now=NOW, environment={}) == ()
        assert {user: state for user, (state, _) in states(ledger).items()} == {
            "a": "sent",
            "b": "suppressed",
            "old": "expired",
        }

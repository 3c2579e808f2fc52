"""The shell as a person and as a pipe meets it; once in a terminal of its own."""

import io
import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from warehouse.__main__ import main
from warehouse.errors import ContractBreach
from warehouse.settings import REPOSITORY, Settings
from warehouse.shell import Session, run_shell


@pytest.fixture
def environment(published: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDFAST_HOME", str(published.home))
    monkeypatch.setenv("HOLDFAST_SOURCE", published.source)
    monkeypatch.setenv("HOLDFAST_MEMORY_LIMIT", "512MB")
    monkeypatch.delenv("HOLDFAST_LEDGER_URL", raising=False)


def test_a_query_prints_its_rows_and_a_notice_goes_beside_them(
    environment: None, capsys: pytest.CaptureFixture[str]
) -> None:
    query = "select user_id from at_risk_users order by user_id"
    assert main(["sql", "--rows", "2", "--format", "csv", "--query", query]) == 0
    said = capsys.readouterr()
    assert said.out == "user_id\r\nu0\r\nu1\n"
    assert said.err == "Only the first 2 rows are shown; there are more: --rows\n"


def test_a_file_is_run_until_a_statement_fails(
    environment: None, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    asked = tmp_path / "asked.sql"
    asked.write_text("select 'first' as a;\n\nselect nothing;\nselect 'third' as a;\n")
    assert main(["sql", "--format", "json", "--file", str(asked)]) == 2
    said = capsys.readouterr()
    assert said.out == '{"a": "first"}\n'
    assert "nothing" in said.err


def test_a_file_that_cannot_be_read_is_named(environment: None, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["sql", "--file", "nowhere.sql"])
    assert "nowhere.sql" in capsys.readouterr().err


def test_a_pipe_is_read_with_its_dot_commands(
    session: Session, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = (".describe user_risk_tiers_history", "select", "count(*) as users", "from user_risk_tiers;")
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join([*typed, ".quit", "select 2;"])))
    run_shell(session, None, "table")
    said = capsys.readouterr().out
    assert "risk_tier           varchar  high, medium or low." in said
    assert "users\n-----\n    5\n(1 rows" in said
    assert "select 2" not in said


def test_tables_and_commands_are_listed(session: Session, capsys: pytest.CaptureFixture[str]) -> None:
    run_shell(session, ".tables\n.help\n", "table")
    said = capsys.readouterr().out
    assert re.search(r"^  user_risk_tiers_history +5\b", said, re.MULTILINE)
    assert ".describe NAME" in said


@pytest.mark.parametrize("command", [".tabels", ".describe nothing", ".describe", ".read /etc/passwd"])
def test_a_wrong_command_says_what_would_help(session: Session, command: str) -> None:
    with pytest.raises(ContractBreach, match=r"To do: `\.(help|tables)`"):
        run_shell(session, command, "table")


class Terminal:
    """A shell in a process and a terminal of its own."""

    def __init__(self, settings: Settings, home: Path) -> None:
        self.master, child = pty.openpty()
        environment = os.environ | {
            "HOLDFAST_HOME": str(settings.home),
            "HOLDFAST_SOURCE": settings.source,
            "HOME": str(home),
            "TERM": "dumb",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "warehouse", "sql"],
            stdin=child,
            stdout=child,
            stderr=child,
            cwd=REPOSITORY,
            env=environment,
            start_new_session=True,
        )
        os.close(child)

    def read_until(self, words: str) -> str:
        found, ends = "", time.monotonic() + 30
        while words not in found:
            assert time.monotonic() < ends, f"{words!r} did not come: {found}"
            if select.select([self.master], [], [], 0.5)[0]:
                found += os.read(self.master, 65_536).decode()
        return found

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())


def test_a_person_is_asked_answered_and_remembered_for_themselves_alone(
    published: Settings, tmp_path: Path
) -> None:
    terminal = Terminal(published, tmp_path)
    assert "as of 2024-03-01" in terminal.read_until("holdfast> ")
    terminal.type("select 40 +\n")
    terminal.read_until("...> ")
    terminal.type("2 as answer;\n")
    assert "42" in terminal.read_until("(1 rows")
    terminal.type("select nothing;\n")
    terminal.read_until("error: Binder Error")
    terminal.type(".quit\n")
    assert terminal.process.wait(timeout=20) == 0
    os.close(terminal.master)
    history = tmp_path / ".holdfast_sql_history"
    assert history.stat().st_mode & 0o777 == 0o600
    assert "select 40 +" in history.read_text()


def test_a_home_that_cannot_be_written_only_forgets(published: Settings, tmp_path: Path) -> None:
    (tmp_path / ".holdfast_sql_history").mkdir()
    terminal = Terminal(published, tmp_path)
    assert "is not remembered" in terminal.read_until("holdfast> ")
    terminal.type("\x04")
    assert terminal.process.wait(timeout=20) == 0
    os.close(terminal.master)

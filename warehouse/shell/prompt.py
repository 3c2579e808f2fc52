"""The shell itself: what is typed, what is answered, and the commands that begin with a dot."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from warehouse.errors import ContractBreach, HoldfastError
from warehouse.shell.formats import FORMATS, columns_of_text
from warehouse.shell.session import Session
from warehouse.shell.statements import is_complete

PROMPT, GOES_ON = "holdfast> ", "     ...> "
HISTORY = Path("~/.holdfast_sql_history")
LINES_KEPT = 1_000
HELP = (
    (".tables", "every published table, its rows, and what a row is"),
    (".describe NAME", "the columns of a table, with type and meaning"),
    (".help", "this list"),
    (".quit", "end; so does Ctrl-D"),
    ("select … ;", "any query of DuckDB's SQL, over as many lines as you like"),
    ("explain … ;", "how it would be run"),
    ("create temp … ;", "a table, view or macro of this session's own"),
)


def run_shell(session: Session, text: str | None, format_name: str) -> None:
    """Run a text, or what comes in: from a person with a prompt, from a pipe without.

    Parameters
    ----------
    session : Session
        Where statements run.
    text : str or None
        Statements to run and end; None to read them from standard input.
    format_name : str
        A key of `warehouse.shell.formats.FORMATS`.

    Raises
    ------
    HoldfastError
        If a statement of `text` or of a pipe fails: what follows it is not run. A person is told and goes on.
    """
    shell = Shell(session, format_name)
    if text is not None:
        shell.take(text)
    elif sys.stdin.isatty():
        shell.converse()
    else:
        shell.take(sys.stdin.read())
    shell.say_newer()


class Shell:
    """Takes texts and dot commands and prints what they give."""

    def __init__(self, session: Session, format_name: str) -> None:
        self._session = session
        self._write = FORMATS[format_name]
        self._format_name = format_name
        self._told_of: str | None = None

    def take(self, text: str) -> None:
        """Run everything in a text: dot commands on lines of their own, and statements."""
        waiting = ""
        for line in text.splitlines(keepends=True):
            if not waiting.strip() and line.startswith("."):
                if not self.obey(line.strip()):
                    return
            else:
                waiting += line
                if is_complete(waiting):
                    self.run(waiting)
                    waiting = ""
        self.run(waiting)

    def converse(self) -> None:
        """Ask, answer, until the person has enough."""
        self._greet()
        with _remembered():
            waiting = ""
            while True:
                try:
                    line = input(GOES_ON if waiting else PROMPT)
                except EOFError:
                    _out()
                    return
                except KeyboardInterrupt:
                    _out()
                    waiting = ""
                    continue
                if not waiting and line.startswith("."):
                    if not self._told(self.obey, line.strip()):
                        return
                    continue
                waiting = f"{waiting}{line}\n" if waiting or line.strip() else ""
                if waiting and is_complete(waiting):
                    self._told(self.run, waiting)
                    waiting = ""
                    self.say_newer()

    def run(self, text: str) -> None:
        """Run the statements in a text and print their results."""
        if not text.strip():
            return
        for statement in self._session.statements(text):
            result = self._session.run(statement)
            if not result.columns:
                continue
            _out(self._write(result))
            if self._format_name == "table":
                _out(f"({len(result.rows):,} rows, {result.seconds:.2f} s)")
            if result.is_cut:
                _notice(f"Only the first {len(result.rows):,} rows are shown; there are more: --rows")

    def obey(self, command: str) -> bool:
        """Do what a dot command says; False ends the shell.

        Raises
        ------
        ContractBreach
            If there is no such command or table.
        """
        word, _, rest = command.rstrip(";").partition(" ")
        if word in (".quit", ".exit"):
            return False
        if word == ".tables":
            _out(self._tables())
        elif word == ".describe":
            _out(self._described(rest.strip()))
        elif word == ".help":
            _out(columns_of_text([(f"  {name}", meaning) for name, meaning in HELP]))
        else:
            raise ContractBreach("There is no such command", word, "`.help` lists them")
        return True

    def say_newer(self) -> None:
        """Say, once each, that something newer than what this session reads is published."""
        newer = self._session.newer_run()
        if newer and newer != self._told_of:
            self._told_of = newer
            _notice(
                f"Run {newer} is published by now. This session goes on reading run "
                f"{self._session.manifest.run_id}; start again to read the other."
            )

    def _told(self, action, text: str) -> bool:  # type: ignore[no-untyped-def]
        """Run an action; tell the person what went wrong. Only a wish to quit is False."""
        try:
            return action(text) is not False
        except HoldfastError as error:
            _notice(f"error: {error}")
        except KeyboardInterrupt:
            _notice("stopped")
        return True

    def _greet(self) -> None:
        manifest, limits = self._session.manifest, self._session.limits
        _out(
            f"{manifest.source}, as of {manifest.as_of_date}, run {manifest.run_id}: "
            f"{len(manifest.tables)} tables, to read only.\n"
            f"A statement ends with ;  and may take {limits.seconds:g} s and give {limits.rows:,} rows. "
            ".help lists the commands."
        )

    def _tables(self) -> str:
        meanings = dict(
            self._session.ask(
                "select table_name, comment from duckdb_tables() "
                "union all select view_name, comment from duckdb_views() where not internal"
            )
        )
        rows = [
            (f"  {name}", f"{facts.rows:>12,}", _last_sentence(meanings.get(name)))
            for name, facts in sorted(self._session.manifest.tables.items())
        ]
        return columns_of_text(rows)

    def _described(self, table: str) -> str:
        facts = self._session.manifest.tables.get(table)
        if facts is None:
            raise ContractBreach("There is no such table", table, "`.tables` lists them")
        rows = self._session.ask(
            "select column_name, data_type, comment from duckdb_columns() "
            "where table_name = ? order by column_index",
            [table],
        )
        return columns_of_text([(f"  {name}", type_.lower(), text or "") for name, type_, text in rows])


def _last_sentence(description: str | None) -> str:
    """Return what a row is: descriptions end with "One row per …"."""
    sentences = re.findall(r"One row per [^.]+\.", " ".join((description or "").split()))
    return sentences[-1] if sentences else (description or "")


@contextmanager
def _remembered() -> Iterator[None]:
    """Bring back what this person typed before, and keep it for the next time, for them alone."""
    import readline

    path = HISTORY.expanduser()
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.fchmod(descriptor, 0o600)
        os.close(descriptor)
        readline.read_history_file(path)
        readline.set_history_length(LINES_KEPT)
    except OSError as error:
        _notice(f"What you type is not remembered: {path} cannot be used ({error.strerror})")
        yield
        return
    try:
        yield
    finally:
        readline.write_history_file(path)
        path.chmod(0o600)


def _out(text: str = "") -> None:
    _say(text, sys.stdout)


def _notice(text: str) -> None:
    """Say something beside the result, so that a file of results holds results only."""
    _say(text, sys.stderr)


def _say(text: str, stream: TextIO) -> None:
    stream.write(f"{text}\n")
    stream.flush()

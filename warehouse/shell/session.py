"""One analyst's session: one snapshot, one connection, bounded in time, memory and rows."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from warehouse.errors import ContractBreach, DamagedFile, HoldfastError
from warehouse.publish.manifest import DATABASE_NAME, Manifest, read_manifest
from warehouse.publish.pointer import current_snapshot, served_run_id
from warehouse.publish.retention import lease
from warehouse.reading import open_published
from warehouse.settings import Settings

#: What may be asked. `create` and `drop` reach temporary objects only: the database is open for reading.
GIVE_ROWS = ("SELECT", "EXPLAIN")
TAKEN = (*GIVE_ROWS, "CREATE", "DROP")
#: DuckDB ends the whole process when its log cannot be written where this function was told to write it.
REFUSED_WORD = "enable_logging"
# One interrupt may come before the query has begun and be lost.
INTERRUPT_AGAIN_SECONDS = 0.1


@dataclass(frozen=True)
class Limits:
    """What one statement may cost.

    Attributes
    ----------
    seconds : float
        Then it is stopped.
    rows : int
        More than this are not fetched.
    """

    seconds: float = 60.0
    rows: int = 1_000


@dataclass(frozen=True)
class Result:
    """What a statement gave.

    Attributes
    ----------
    columns : tuple of str
        Empty for a statement that gives no rows.
    is_cut : bool
        Whether there were more rows than the limit.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    is_cut: bool
    seconds: float


class Session:
    """Statements over one snapshot, whatever is published meanwhile.

    Parameters
    ----------
    settings : Settings
        Says where the published folder is.
    folder : Path
        The snapshot; it is held by a lease of the caller's.
    limits : Limits
        Of one statement.
    connection : DuckDBPyConnection
        From `warehouse.reading.open_published`.
    """

    def __init__(
        self, settings: Settings, folder: Path, limits: Limits, connection: duckdb.DuckDBPyConnection
    ) -> None:
        self.manifest: Manifest = read_manifest(folder)
        self.limits = limits
        self._settings = settings
        self._connection = connection

    def statements(self, text: str) -> list[duckdb.Statement]:
        """Return the statements in a text.

        Raises
        ------
        ContractBreach
            If the text is no SQL, or holds a statement that does more than read.
        """
        try:
            found = self._connection.extract_statements(text)
        except duckdb.Error as error:
            raise ContractBreach(str(error)) from None
        for statement in found:
            kind = kind_of(statement)
            if kind not in TAKEN or REFUSED_WORD in statement.query.lower():
                raise ContractBreach(
                    "This shell reads and does nothing else",
                    kind,
                    "ask with `select`; `.help` says what works",
                )
        return found

    def run(self, statement: duckdb.Statement) -> Result:
        """Run one statement.

        Raises
        ------
        ContractBreach
            If DuckDB refuses it, or it was stopped; the message says why.
        """
        began = time.monotonic()
        with self._deadline() as is_over:
            try:
                rows, columns, is_cut = self._fetched(statement)
            except duckdb.InterruptException:
                raise self._stopped(timed_out=is_over.is_set()) from None
            except duckdb.OutOfMemoryException:
                raise ContractBreach(
                    "The statement needs more memory than a session may take",
                    self._settings.memory_limit,
                    "narrow it (`where`, fewer columns), or raise HOLDFAST_MEMORY_LIMIT",
                ) from None
            except duckdb.Error as error:
                raise ContractBreach(str(error)) from None
        return Result(columns, rows, is_cut, time.monotonic() - began)

    def ask(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a question of the shell's own."""
        return self._connection.execute(sql, list(parameters)).fetchall()

    def newer_run(self) -> str | None:
        """Return the run that readers are served by now, if it is another one than this session's."""
        served = served_run_id(self._settings)
        return None if served in (None, self.manifest.run_id) else served

    def _fetched(
        self, statement: duckdb.Statement
    ) -> tuple[tuple[tuple[Any, ...], ...], tuple[str, ...], bool]:
        cursor = self._connection.execute(statement)
        if kind_of(statement) not in GIVE_ROWS:
            return (), (), False
        columns = tuple(column[0] for column in cursor.description or ())
        # the result streams: what is not fetched is not made
        rows = cursor.fetchmany(self.limits.rows + 1)
        if len(rows) > self.limits.rows:
            return tuple(rows[: self.limits.rows]), columns, True
        return tuple(rows), columns, False

    @contextmanager
    def _deadline(self) -> Iterator[threading.Event]:
        """Interrupt what runs when its time is over; yields what says whether that happened."""
        is_done, is_over = threading.Event(), threading.Event()

        def watch() -> None:
            if is_done.wait(self.limits.seconds):
                return
            is_over.set()
            while True:
                self._connection.interrupt()
                if is_done.wait(INTERRUPT_AGAIN_SECONDS):
                    return

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield is_over
        finally:
            is_done.set()
            watcher.join()

    def _stopped(self, *, timed_out: bool) -> HoldfastError:
        if timed_out:
            return ContractBreach(
                "The statement was stopped: it took too long",
                f"{self.limits.seconds:g} s",
                "narrow it, or give it longer: --seconds",
            )
        return ContractBreach("The statement was stopped")


def kind_of(statement: duckdb.Statement) -> str:
    """Return what DuckDB calls this kind of statement: SELECT, COPY, PRAGMA."""
    return str(statement.type).rpartition(".")[2]


@contextmanager
def open_session(settings: Settings, limits: Limits | None = None) -> Iterator[Session]:
    """Open the snapshot that is served now, and hold it until the session ends.

    Raises
    ------
    DamagedFile
        If nothing is published, or the snapshot cannot be opened.
    """
    with _held_snapshot(settings) as folder:
        connection = open_published(
            folder / DATABASE_NAME, threads=settings.threads, memory_limit=settings.memory_limit
        )
        try:
            yield Session(settings, folder, limits or Limits(), connection)
        finally:
            connection.close()


@contextmanager
def _held_snapshot(settings: Settings) -> Iterator[Path]:
    """Lease the current snapshot; one that goes between looking and leasing is looked for again."""
    for is_last in (False, True):
        folder = current_snapshot(settings)
        try:
            held = lease(folder)
            held.__enter__()
        except FileNotFoundError as error:
            if not is_last:
                continue
            raise DamagedFile(
                f"The snapshot {folder} lacks its manifest", str(error), "`python -m warehouse check`"
            ) from error
        try:
            yield folder
        finally:
            held.__exit__(None, None, None)
        return

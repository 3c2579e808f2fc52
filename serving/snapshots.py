"""The published snapshots as this process reads them: one open file each, shared, leased, followed."""

import logging
import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb

from serving.deadlines import Deadlines
from serving.problems import not_found
from serving.settings import ServingSettings
from warehouse.errors import DamagedFile
from warehouse.publish import Manifest, current_snapshot, lease, read_manifest
from warehouse.publish.manifest import DATABASE_NAME
from warehouse.publish.pointer import snapshots_folder
from warehouse.reading import open_published

log = logging.getLogger(__name__)

LOOK_EVERY_SECONDS = 1.0
# runs that were asked for by name stay open for their next page: so many, and so long
NAMED_KEPT_OPEN = 3
NAMED_KEPT_SECONDS = 60.0
# a snapshot may be removed between reading the pointer and taking its lease; the pointer has moved on then
TRIES = 5
RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True)
class Snapshot:
    """One run's published tables, for the length of one answer.

    Attributes
    ----------
    published_at : datetime
        When it was made, in UTC.
    folder : Path
        Where its files are; they stay as long as the snapshot is being read.
    """

    run_id: str
    as_of_date: date
    model_version: str | None
    published_at: datetime
    epoch: int
    folder: Path
    manifest: Manifest = field(repr=False)
    _connection: duckdb.DuckDBPyConnection = field(repr=False)
    _deadlines: Deadlines = field(repr=False)
    _query_seconds: float = field(repr=False)

    def rows(self, sql: str, parameters: Mapping[str, Any] | Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Return what a query finds, one dict per row.

        Raises
        ------
        Problem
            If it takes longer than a query may.
        """
        with self.cursor() as cursor, self.limited(cursor):
            cursor.execute(sql, parameters or None)
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    @contextmanager
    def cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open a cursor of its own, for one thread at a time and for reading piece by piece."""
        cursor = self._connection.cursor()
        try:
            yield cursor
        finally:
            cursor.close()

    def limited(self, cursor: duckdb.DuckDBPyConnection) -> AbstractContextManager[None]:
        """Interrupt a query of a cursor that takes longer than a query may, with the same problem."""
        return self._deadlines.limit(cursor, self._query_seconds)


class _Opened:
    """A snapshot that this process has open, and how many are reading it."""

    def __init__(self, folder: Path, settings: ServingSettings, deadlines: Deadlines) -> None:
        with ExitStack() as stack:
            stack.enter_context(lease(folder))
            manifest = read_manifest(folder)
            connection = open_published(
                folder / DATABASE_NAME,
                threads=settings.warehouse.threads,
                memory_limit=settings.warehouse.memory_limit,
            )
            stack.callback(connection.close)
            self.close = stack.pop_all().close
        self.snapshot = Snapshot(
            run_id=manifest.run_id,
            as_of_date=manifest.as_of_date,
            model_version=manifest.model_version,
            published_at=manifest.created_at,
            epoch=manifest.epoch,
            folder=folder,
            manifest=manifest,
            _connection=connection,
            _deadlines=deadlines,
            _query_seconds=settings.query_seconds,
        )
        self.readers = 0
        self.wanted_until = 0.0


class Snapshots:
    """Every snapshot that this process reads; one object per process, for all its threads.

    The pointer is looked at when somebody reads, once a second at most, so a publish is followed within a
    second and no thread is needed. Whoever is reading keeps the snapshot they began with; it is closed, and
    its lease given up, when the last of them is done. While a new one is being opened the others read on.

    Parameters
    ----------
    settings : ServingSettings
        Where the published folder is, and how much a query may take.
    """

    def __init__(self, settings: ServingSettings) -> None:
        self._settings = settings
        self._deadlines = Deadlines()
        self._lock = threading.Lock()
        self._looking = threading.Lock()
        self._opened: dict[str, _Opened] = {}
        self._served: str | None = None
        self._look_at = 0.0

    @contextmanager
    def reading(self, run_id: str | None = None) -> Iterator[Snapshot]:
        """Hold a snapshot for one answer: the served one, or a kept run by its name.

        Raises
        ------
        DamagedFile
            If nothing is published, or the pointer leads nowhere.
        Problem
            If the named run is not kept.
        """
        held = self._take_served() if run_id is None else self._take_named(run_id)
        try:
            yield held.snapshot
        finally:
            self._give_back(held)

    def open_run_ids(self) -> tuple[str, ...]:
        """Return the runs whose snapshots are open now, for looking at what is held."""
        with self._lock:
            return tuple(sorted(self._opened))

    def close(self) -> None:
        """Close what nobody reads any more; the rest is closed by its last reader."""
        with self._lock:
            self._served = None
            for opened in self._opened.values():
                opened.wanted_until = 0.0
        self._close_unwanted()

    def _take_served(self) -> _Opened:
        with self._lock:
            held = self._opened.get(self._served or "")
            if held is not None:
                held.readers += 1
                if time.monotonic() < self._look_at:
                    return held
        # the first to find the pointer due looks at it; the others read on with what is there
        if not self._looking.acquire(blocking=held is None):
            assert held is not None  # noqa: S101  only those who hold one do not wait
            return held
        try:
            return self._follow()
        finally:
            self._looking.release()
            if held is not None:
                self._give_back(held)

    def _follow(self) -> _Opened:
        """Hold what the pointer names now."""
        try:
            held = self._take_pointed_to()
        except DamagedFile:
            with self._lock:
                self._served = None
            raise
        run_id = held.snapshot.run_id
        with self._lock:
            if self._served != run_id:
                log.info("serving run %s, as of %s", run_id, held.snapshot.as_of_date)
            self._served = run_id
            self._look_at = time.monotonic() + LOOK_EVERY_SECONDS
        self._close_unwanted()
        return held

    def _take_pointed_to(self) -> _Opened:
        for _ in range(TRIES):
            folder = current_snapshot(self._settings.warehouse)
            try:
                return self._take(folder)
            except (DamagedFile, FileNotFoundError):
                if current_snapshot(self._settings.warehouse) == folder:
                    raise
        raise DamagedFile("The pointer moves faster than snapshots can be opened", None, "try again")

    def _take_named(self, run_id: str) -> _Opened:
        folder = snapshots_folder(self._settings.warehouse) / run_id
        if not RUN_ID.fullmatch(run_id) or not folder.is_dir():
            raise not_found("No snapshot of this run is kept.")
        try:
            held = self._take(folder)
        except FileNotFoundError:
            raise not_found("No snapshot of this run is kept.") from None
        held.wanted_until = time.monotonic() + NAMED_KEPT_SECONDS
        return held

    def _take(self, folder: Path) -> _Opened:
        with self._lock:
            held = self._opened.get(folder.name)
            if held is not None:
                held.readers += 1
                return held
        opened = _Opened(folder, self._settings, self._deadlines)
        with self._lock:
            held = self._opened.setdefault(folder.name, opened)
            held.readers += 1
        if held is not opened:
            opened.close()
        return held

    def _give_back(self, held: _Opened) -> None:
        with self._lock:
            held.readers -= 1
        self._close_unwanted()

    def _close_unwanted(self) -> None:
        now = time.monotonic()
        with self._lock:
            idle = [
                run_id for run_id, one in self._opened.items() if not one.readers and run_id != self._served
            ]
            idle.sort(key=lambda run_id: self._opened[run_id].wanted_until, reverse=True)
            closing = [
                self._opened.pop(run_id)
                for position, run_id in enumerate(idle)
                if position >= NAMED_KEPT_OPEN or self._opened[run_id].wanted_until <= now
            ]
        for one in closing:
            one.close()

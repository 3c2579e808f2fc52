"""Ingest what landed."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from warehouse.connections import open_build
from warehouse.ingest.arrivals import (
    Arrival,
    Recorded,
    SeenFiles,
    day_folders,
    look_at,
    part_folders,
    recorded_deliveries,
)
from warehouse.ingest.batch import BATCH_BYTES, BATCH_DELIVERIES, Batch, add_volume
from warehouse.ingest.candidates import Candidate, first_known, read_candidate
from warehouse.ingest.file_hashes import FileHashes
from warehouse.ingest.postgres_source import land_missing_days
from warehouse.ingest.rebuilding import rebuild
from warehouse.ingest.report import DeliveryOutcome, IngestReport
from warehouse.ingest.tables import forget, prepare_tables
from warehouse.ingest.volume import VolumeHistory
from warehouse.ledger import DeliveryFile, Ledger
from warehouse.settings import Settings
from warehouse.sources import Source, load_source

Progress = Callable[[str], None]


def ingest(
    settings: Settings, ledger: Ledger, *, through: date | None = None, progress: Progress = print
) -> IngestReport:
    """Take every new delivery of the active source, oldest first, each whole or not at all.

    Safe to run again at any time: what was taken is known by its content. A run that was killed
    leaves nothing behind that the next run does not undo or finish.

    Parameters
    ----------
    settings : Settings
        Names the source, the landing folder and the build file.
    ledger : Ledger
        Knows what was taken before, and is told what is taken now.
    through : date, optional
        The last delivery day to take; None takes all. From a PostgreSQL source, days up to it
        that did not land yet are fetched first.
    progress : callable
        Told what is going on, one line at a time.

    Returns
    -------
    IngestReport
        What became of each new delivery. Refused deliveries are in it, not raised.

    Raises
    ------
    Busy
        If another process writes the build file.
    ContractBreach
        If the declaration cannot be used.
    """
    source = load_source(settings.source, settings.dbt_project)
    if source.kind == "postgres" and through is not None:
        land_missing_days(settings, source, through, progress=progress)
    recorded = recorded_deliveries(ledger, source)
    seen = SeenFiles(recorded)
    history = _volumes(recorded, source)
    newest_built = ledger.newest_built_day(source.name)
    folders, strange = day_folders(settings.landing, through)
    with _open_whole_build(settings, ledger, source, progress) as connection:
        taking = _Taking(
            connection, ledger, source, seen, FileHashes(connection), history, newest_built, progress
        )
        outcomes = taking.take(folders)
        newest = max((*_accepted_days(recorded), *_days_of(outcomes)), default=None)
        # never before the day's own delivery: what tools report makes no day by itself
        until = newest if newest is None or through is None else min(newest, through)
        outcomes += taking.take(part_folders(settings.landing, until))
        taking.hashes.keep()
    return IngestReport(
        source=source.name,
        deliveries=tuple(outcomes),
        newest_delivery_date=newest,
        warnings=tuple(_warnings(settings, strange, outcomes)),
    )


def _counted(outcomes: list[DeliveryOutcome]) -> str:
    accepted = sum(outcome.rows_accepted for outcome in outcomes)
    quarantined = sum(outcome.rows_quarantined for outcome in outcomes)
    return f"{accepted:,} rows accepted" + (f", {quarantined:,} quarantined" if quarantined else "")


def _accepted_days(recorded: Recorded) -> list[date]:
    return [delivery.delivery_date for delivery, _ in recorded if delivery.status == "accepted"]


def _days_of(outcomes: list[DeliveryOutcome]) -> list[date]:
    return [outcome.delivery_date for outcome in outcomes if outcome.status == "accepted"]


@dataclass
class _Taking:
    """What taking folder by folder needs and learns."""

    connection: duckdb.DuckDBPyConnection
    ledger: Ledger
    source: Source
    seen: SeenFiles
    hashes: FileHashes
    history: VolumeHistory
    newest_built: date | None
    progress: Progress

    def take(self, folders: list[tuple[date, Path]]) -> list[DeliveryOutcome]:
        """Take what is new in folders, batch by batch; returns what became of each delivery."""
        outcomes: list[DeliveryOutcome] = []
        looked = 0
        while looked < len(folders):
            arrivals: list[Arrival] = []
            contents: set[tuple[str, str]] = set()
            size = 0
            while looked < len(folders) and len(arrivals) < BATCH_DELIVERIES and size < BATCH_BYTES:
                arrival = look_at(self.source, *folders[looked], self.seen, self.hashes)
                if arrival is not None:
                    mine = {(file.table.name, file.sha256) for file in arrival.files}
                    if mine & contents:
                        # it repeats a file of this batch: see first whether that one is taken
                        break
                    contents |= mine
                    size += arrival.size
                    arrivals.append(arrival)
                looked += 1
            candidates = [
                read_candidate(a, first_known(a.day, newest_built=self.newest_built, history=a.history))
                for a in arrivals
            ]
            if candidates:
                recorded_now = _take(self.connection, self.ledger, self.source, candidates, self.history)
                self.seen.add(recorded_now)
                outcomes += [candidate.outcome() for candidate in candidates]
                self.progress(f"ingested {looked:,} of {len(folders):,} days: {_counted(outcomes)}")
        return outcomes


def _take(
    connection: duckdb.DuckDBPyConnection,
    ledger: Ledger,
    source: Source,
    candidates: list[Candidate],
    history: VolumeHistory,
) -> Recorded:
    batch = Batch(connection, source, candidates)
    batch.judge(history)
    numbers = ledger.next_delivery_numbers(len(candidates))
    for candidate, number in zip(candidates, numbers, strict=True):
        candidate.delivery_number = number
    batch.store()
    pairs = [candidate.recorded() for candidate in candidates]
    stored = ledger.record_deliveries(pairs)
    recorded = [(delivery, tuple(files)) for delivery, (_, files) in zip(stored, pairs, strict=True)]
    for candidate in candidates:
        if candidate.status == "accepted":
            add_volume(history, candidate, source)
    batch.clear()
    return recorded


@contextmanager
def _open_whole_build(
    settings: Settings, ledger: Ledger, source: Source, progress: Progress
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the build file with exactly the deliveries that the ledger has accepted."""
    accepted = {delivery.delivery_id for delivery in ledger.deliveries(source.name, status="accepted")}
    with ExitStack() as stack:
        connection = stack.enter_context(open_build(settings))
        if not accepted <= _loaded(connection, source):
            stack.close()
            progress("the build file lacks deliveries that the ledger has: loading them again from landing")
            rebuild(settings, ledger, progress=progress)
            connection = stack.enter_context(open_build(settings))
        leftovers = sorted(_loaded(connection, source) - accepted)
        if leftovers:
            connection.begin()
            forget(connection, source, leftovers)
            connection.commit()
        yield connection


def _loaded(connection: duckdb.DuckDBPyConnection, source: Source) -> set[str]:
    prepare_tables(connection, source)
    loaded = connection.execute("select delivery_id from control.loaded_deliveries").fetchall()
    return {delivery_id for (delivery_id,) in loaded}


def _volumes(recorded: Recorded, source: Source) -> VolumeHistory:
    history = VolumeHistory()
    required = {table.name for table in source.tables if table.required}
    for delivery, files in recorded:
        if delivery.status != "accepted" or delivery.is_history:
            continue
        for table in required:
            fresh = [f for f in files if f.table_name == table and not _repeats(f)]
            if fresh:
                history.add(table, delivery.delivery_date, sum(file.rows_received for file in fresh))
    return history


def _repeats(file: DeliveryFile) -> bool:
    return file.rows_received == file.rows_duplicate and file.rows_received > 0


def _warnings(settings: Settings, strange: list[str], outcomes: list[DeliveryOutcome]) -> Iterator[str]:
    for name in strange:
        yield f"{settings.landing / name} is not named by a day (YYYY-MM-DD) and was left alone"
    for outcome in outcomes:
        for file, columns in outcome.ignored_columns.items():
            yield f"{file}: nothing is declared for {', '.join(columns)}; ignored"
        if outcome.unknown_files:
            names = ", ".join(outcome.unknown_files)
            yield f"{outcome.delivery_date}: no table is declared for {names}; left alone"

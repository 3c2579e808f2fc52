"""Load everything again where the build file is lost, damaged or made by another declaration."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from warehouse.connections import open_build, writer_lock
from warehouse.errors import DamagedFile
from warehouse.ingest.arrivals import Arrival, LandedFile, Recorded, recorded_deliveries
from warehouse.ingest.batch import BATCH_BYTES, BATCH_DELIVERIES, Batch
from warehouse.ingest.candidates import Candidate, read_candidate
from warehouse.ingest.tables import prepare_tables
from warehouse.ledger import Delivery, DeliveryFile, Ledger
from warehouse.publish.restore import history_tables
from warehouse.settings import Settings
from warehouse.sources import Source, load_source

Progress = Callable[[str], None]


def rebuild(settings: Settings, ledger: Ledger, *, progress: Progress = print) -> None:
    """Throw the build file away and load every accepted delivery again, in the order of the ledger.

    Raises
    ------
    DamagedFile
        If a file in landing is gone or changed, or its rows no longer count as they did.
    """
    source = load_source(settings.source, settings.dbt_project)
    with writer_lock(settings):
        for path in (settings.build_file, settings.build_file.with_name(settings.build_file.name + ".wal")):
            path.unlink(missing_ok=True)
    accepted = [(d, files) for d, files in recorded_deliveries(ledger, source) if d.status == "accepted"]
    done = 0
    with open_build(settings) as connection:
        prepare_tables(connection, source)
        for batch in _batches(accepted):
            candidates = [_replayed(settings, source, *one) for one in batch]
            work = Batch(connection, source, candidates)
            work.replay()
            for candidate, (delivery, _, _) in zip(candidates, batch, strict=True):
                _check_same(candidate, delivery)
            work.store()
            work.clear()
            done += len(candidates)
            progress(f"loaded {done:,} of {len(accepted):,} deliveries again")
        for relation, rows in history_tables(settings, connection).items():
            progress(f"restored {rows:,} rows of {relation} from the newest published snapshot")


def _batches(
    accepted: Recorded,
) -> Iterator[list[tuple[Delivery, tuple[DeliveryFile, ...], frozenset[tuple[str, str]]]]]:
    known: set[tuple[str, str]] = set()
    batch, size = [], 0
    for delivery, files in accepted:
        contents = {(file.table_name, file.sha256) for file in files}
        batch.append((delivery, files, frozenset(contents & known)))
        known |= contents
        size += sum(file.bytes for file in files)
        if len(batch) == BATCH_DELIVERIES or size > BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _replayed(
    settings: Settings,
    source: Source,
    delivery: Delivery,
    files: tuple[DeliveryFile, ...],
    repeated: frozenset[tuple[str, str]],
) -> Candidate:
    landed, here = [], set(repeated)
    for file in files:
        content = (file.table_name, file.sha256)
        landed.append(
            LandedFile(
                path=settings.landing / file.relative_path,
                relative_path=file.relative_path,
                table=source.table(file.table_name),
                sha256=file.sha256,
                bytes=file.bytes,
                repeats="an earlier delivery" if content in here else None,
            )
        )
        here.add(content)
    arrival = Arrival(
        source=source.name,
        day=delivery.delivery_date,
        files=landed,
        history=delivery.is_history,
        manifest_json=delivery.manifest_json,
    )
    candidate = read_candidate(arrival, delivery.known_on)
    if candidate.refusal:
        raise DamagedFile(
            f"The accepted delivery of {delivery.delivery_date} cannot be loaded again: {candidate.refusal}",
            delivery.delivery_id,
            "put the file back into landing as it was delivered",
        )
    return replace(candidate, delivery_number=delivery.delivery_number)


def _check_same(candidate: Candidate, delivery: Delivery) -> None:
    outcome = candidate.outcome()
    for name in ("rows_received", "rows_accepted", "rows_quarantined", "rows_duplicate"):
        before, now = getattr(delivery, name), getattr(outcome, name)
        if before != now:
            raise DamagedFile(
                f"The delivery {delivery.delivery_id} counts other {name} than the ledger has: {before} then",
                now,
                "undo the change of the declaration, or start a new HOLDFAST_HOME and ingest from landing",
            )

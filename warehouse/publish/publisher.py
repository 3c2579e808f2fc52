"""Publishing: write a snapshot, verify it, record it, move the pointer; any step may crash."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path

import duckdb

from warehouse.errors import DamagedFile, HoldfastError, SupersededRun
from warehouse.ledger import Ledger, Publish, Run
from warehouse.publish.durable import (
    fsync_file,
    fsync_folder,
    make_private_folder,
    remove_tree,
    sha256_of,
)
from warehouse.publish.lineage import write_lineage
from warehouse.publish.manifest import (
    MANIFEST_NAME,
    Manifest,
    facts_of_files,
    read_manifest,
    verify_snapshot,
)
from warehouse.publish.pointer import publish_lock, served_run_id, snapshots_folder, swap_pointer
from warehouse.publish.retention import remove_old_snapshots
from warehouse.publish.snapshot import Written, write_snapshot
from warehouse.settings import Settings

Writer = Callable[[Settings, Run, Path], Written]


@dataclass(frozen=True)
class Published:
    """What a publish did.

    Attributes
    ----------
    path : Path
        The snapshot's folder.
    pointer_moved : bool
        Whether readers now see it.
    note : str
        Why the pointer moved or stayed, in a sentence.
    """

    run_id: str
    as_of_date: date
    path: Path
    manifest_sha256: str
    row_counts: dict[str, int]
    pointer_moved: bool
    note: str


def publish(
    settings: Settings,
    ledger: Ledger,
    run: Run,
    *,
    move_pointer: bool = True,
    write: Writer | None = None,
    derived_from: str | None = None,
) -> Published:
    """Publish what the build file holds for the run's day, or what `write` makes of an earlier list.

    Safe to repeat: a run publishes once, and saying it again changes nothing.

    Parameters
    ----------
    settings : Settings
        Where the build file and the published folder are.
    ledger : Ledger
        Records the publish and says whether the run may still write.
    run : Run
        The run that scored the day.
    move_pointer : bool
        False writes and records the snapshot and leaves readers where they are.
    write : callable, optional
        Writes database and lists into a folder; `write_snapshot` if not given.
    derived_from : str, optional
        The daily run whose list `write` changed.

    Raises
    ------
    SupersededRun
        If a newer run of the same kind and day has begun.
    GateFailure
        If rows of another run are found, or a list would be empty that must not be.
    HoldfastError
        If the disk fails or is full; what was served stays, and nothing half-written is left.
    """
    with publish_lock(settings):
        _recover(settings, ledger)
        done = ledger.find_publish(run.run_id)
        if done is not None:
            return _published(settings, done, "this run was published before; nothing was done")
        ledger.assert_epoch_current(run)
        manifest_sha256 = _write(settings, ledger, run, write, derived_from)
        manifest = read_manifest(snapshots_folder(settings) / run.run_id)
        record = ledger.record_publish(
            Publish(
                run_id=run.run_id,
                source=run.source,
                as_of_date=run.as_of_date,
                epoch=run.epoch,
                snapshot_path=f"snapshots/{run.run_id}",
                manifest_sha256=manifest_sha256,
                model_version=manifest.model_version,
                state="prepared" if move_pointer else "kept",
                pointer_moved=False,
                prepared_at=ledger.clock(),
            )
        )
        if move_pointer:
            record, note = _finish(settings, ledger, record)
        else:
            note = "the pointer was left alone, as asked"
        remove_old_snapshots(settings, ledger)
        return _published(settings, record, note)


def rollback(settings: Settings, ledger: Ledger, run_id: str) -> Published:
    """Point readers to an older snapshot; the next newer publish moves them forward again.

    Raises
    ------
    LedgerError
        If the run has published nothing.
    DamagedFile
        If its snapshot is gone or damaged; readers stay where they are.
    """
    with publish_lock(settings):
        _recover(settings, ledger)
        target = ledger.publish_of(run_id)
        _verify(settings, target)
        served = served_run_id(settings)
        if served == run_id:
            return _published(settings, target, "readers are there already; nothing was done")
        swap_pointer(settings, run_id)
        ledger.record_rollback(run_id, served)
        return _published(settings, ledger.publish_of(run_id), f"readers were put back from run {served}")


def recover_publishes(settings: Settings, ledger: Ledger) -> list[Publish]:
    """Finish or discard what a crash left between writing a snapshot and recording it.

    Every publish does this first. Returns the publishes that were finished.
    """
    with publish_lock(settings):
        return _recover(settings, ledger)


def _recover(settings: Settings, ledger: Ledger) -> list[Publish]:
    for leftover in (*snapshots_folder(settings).glob(".*"), *settings.published.glob(".current.*")):
        if leftover.is_symlink():
            leftover.unlink()
        else:
            shutil.rmtree(leftover)
    finished = []
    for record in ledger.publishes(state="prepared"):
        try:
            _verify(settings, record)
            if served_run_id(settings) != record.run_id:
                ledger.assert_epoch_current(ledger.run(record.run_id))
        except (DamagedFile, SupersededRun):
            _discard(settings, ledger, record.run_id)
            continue
        finished.append(_finish(settings, ledger, record)[0])
    _record_unrecorded_move(settings, ledger)
    return finished


def _record_unrecorded_move(settings: Settings, ledger: Ledger) -> None:
    """The pointer is the truth: a rollback that a crash kept from the ledger is recorded now."""
    served, recorded = served_run_id(settings), ledger.current_publish()
    if served is None or (recorded is not None and recorded.run_id == served):
        return
    if ledger.find_publish(served) is not None:
        ledger.record_rollback(served, recorded.run_id if recorded else None)


def _discard(settings: Settings, ledger: Ledger, run_id: str) -> None:
    ledger.discard_publish(run_id)
    folder = snapshots_folder(settings) / run_id
    if folder.exists() and served_run_id(settings) != run_id:
        remove_tree(folder)


def _write(
    settings: Settings, ledger: Ledger, run: Run, write: Writer | None, derived_from: str | None
) -> str:
    """Write the snapshot under a temporary name, then give it its own. Returns the manifest's sha256."""
    folder = snapshots_folder(settings) / run.run_id
    temporary = snapshots_folder(settings) / f".{run.run_id}.tmp"
    try:
        if folder.exists():
            remove_tree(folder)  # written, but never recorded: no reader was ever sent there
        make_private_folder(temporary)
        written = (write or write_snapshot)(settings, run, temporary)
        write_lineage(settings, temporary)
        Manifest(
            run_id=run.run_id,
            epoch=run.epoch,
            source=run.source,
            as_of_date=run.as_of_date,
            model_version=written.model_version,
            created_at=ledger.clock(),
            holdfast_version=version("holdfast"),
            tables=written.tables,
            files=facts_of_files(temporary),
            derived_from=derived_from,
        ).write(temporary)
        for path in temporary.iterdir():
            fsync_file(path)
        fsync_folder(temporary)
        manifest_sha256 = sha256_of(temporary / MANIFEST_NAME)
        temporary.rename(folder)
        fsync_folder(folder.parent)
    except (OSError, duckdb.Error) as error:
        raise HoldfastError(
            f"The snapshot of run {run.run_id} could not be written; readers keep what they have",
            str(error),
            f"make room or repair the disk under {settings.published}, then publish again",
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return manifest_sha256


def _finish(settings: Settings, ledger: Ledger, record: Publish) -> tuple[Publish, str]:
    """Move the pointer if that is forward, and record it. Safe to repeat after a crash anywhere in it."""
    served = served_run_id(settings)
    recorded = ledger.current_publish()
    previous = recorded.run_id if recorded else None
    if served == record.run_id:
        moves, note = True, "readers see it"
    else:
        moves, note = _is_forward(settings, record)
        if moves:
            ledger.assert_epoch_current(ledger.run(record.run_id))
            swap_pointer(settings, record.run_id)
    return ledger.finish_publish(record.run_id, pointer_moved=moves, from_run_id=previous), note


def _is_forward(settings: Settings, record: Publish) -> tuple[bool, str]:
    served = served_run_id(settings)
    if served is None:
        return True, "readers see it; it is the first"
    try:
        current = read_manifest(snapshots_folder(settings) / served)
    except DamagedFile:
        return True, f"readers see it; what they had ({served}) was damaged"
    if current.source != record.source:
        return True, f"readers see it; they had another shop, {current.source}"
    if (record.as_of_date, record.epoch) > current.position:
        return True, f"readers see it; they had {current.as_of_date} of run {served}"
    return False, f"readers stay at {current.as_of_date} of run {served}, which is newer"


def _verify(settings: Settings, record: Publish) -> Manifest:
    folder = snapshots_folder(settings) / record.run_id
    manifest = verify_snapshot(folder)
    sha256 = sha256_of(folder / MANIFEST_NAME)
    if sha256 != record.manifest_sha256:
        raise DamagedFile(
            f"The manifest of {folder} is not the one that was recorded", sha256, "publish the day again"
        )
    return manifest


def _published(settings: Settings, record: Publish, note: str) -> Published:
    folder = snapshots_folder(settings) / record.run_id
    counts = read_manifest(folder).row_counts if folder.is_dir() else {}
    return Published(
        run_id=record.run_id,
        as_of_date=record.as_of_date,
        path=folder,
        manifest_sha256=record.manifest_sha256,
        row_counts=counts,
        pointer_moved=record.pointer_moved,
        note=note,
    )

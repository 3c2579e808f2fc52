"""Which snapshots stay, and which go."""

import fcntl
import logging
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from warehouse.ledger import Ledger
from warehouse.publish.durable import remove_tree
from warehouse.publish.kept import kept_snapshots
from warehouse.publish.manifest import DATABASE_NAME, MANIFEST_NAME
from warehouse.publish.pointer import served_run_id, snapshots_folder
from warehouse.settings import Settings

log = logging.getLogger(__name__)

# struct flock of 64-bit Linux: type, whence, start, length, process
FLOCK = "hhqqi4x"


@contextmanager
def lease(snapshot: Path) -> Iterator[Path]:
    """Keep a snapshot from being removed while it is read, for instance by a server.

    A process that has the snapshot open in DuckDB needs no lease: DuckDB's own lock is seen.
    """
    descriptor = os.open(snapshot / MANIFEST_NAME, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield snapshot
    finally:
        os.close(descriptor)


def remove_old_snapshots(settings: Settings, ledger: Ledger) -> list[str]:
    """Remove snapshots beyond the number kept; call it under the publish lock.

    Kept are the one that is served and the daily list that it was refreshed from, those somebody reads, the
    newest that readers were ever sent to, and as many of the others (backfills), so that a backfill of a
    month does not push out what a rollback needs. Of refreshed ones a few are kept, and they are counted
    apart: there may be one every quarter of an hour. A snapshot that cannot be judged is left alone.

    Returns
    -------
    list of str
        The runs whose snapshots were removed.
    """
    served = served_run_id(settings)
    were_served = {publish.run_id for publish in ledger.publishes() if publish.pointer_moved}
    kept = kept_snapshots(settings)
    epochs = {folder.name: manifest.epoch for manifest, folder in kept}
    derived = {folder.name: manifest.derived_from for manifest, folder in kept if manifest.is_intraday}
    daily = epochs.keys() - derived.keys()
    needed = {served, derived.get(served or "")}
    removed = []
    for group, at_most in (
        (daily & were_served, settings.snapshots_kept),
        (daily - were_served, settings.snapshots_kept),
        (derived.keys(), settings.intraday_kept),
    ):
        newest_first = sorted(group, key=lambda run_id: epochs[run_id], reverse=True)
        for run_id in newest_first[at_most:]:
            folder = snapshots_folder(settings) / run_id
            if run_id in needed or _is_read(folder):
                continue
            try:
                remove_tree(folder)
            except OSError as error:
                log.warning("snapshot %s stays until the next publish: %s", folder, error)
            else:
                removed.append(run_id)
    return removed


def _is_read(snapshot: Path) -> bool:
    try:
        return _is_leased(snapshot / MANIFEST_NAME) or _is_open_in_duckdb(snapshot / DATABASE_NAME)
    except OSError:
        return True


def _is_leased(path: Path) -> bool:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _is_open_in_duckdb(path: Path) -> bool:
    """Ask, without taking it, whether a write lock could be had: every DuckDB process holds some lock."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        asked = struct.pack(FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        answer = fcntl.fcntl(descriptor, fcntl.F_GETLK, asked)
    finally:
        os.close(descriptor)
    return bool(struct.unpack(FLOCK, answer)[0] != fcntl.F_UNLCK)

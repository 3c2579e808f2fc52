"""The one pointer that readers follow: ``published/current``."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from warehouse.errors import Busy, DamagedFile, HoldfastError
from warehouse.publish.durable import fsync_folder, make_private_folder
from warehouse.publish.manifest import read_manifest
from warehouse.settings import Settings

WAIT_SECONDS = 60.0


def snapshots_folder(settings: Settings) -> Path:
    """Return the folder that holds one folder per snapshot."""
    return settings.published / "snapshots"


def pointer_path(settings: Settings) -> Path:
    """Return the path of the pointer itself."""
    return settings.published / "current"


def served_run_id(settings: Settings) -> str | None:
    """Return the run that the pointer names, whether or not its snapshot is sound."""
    try:
        return pointer_path(settings).readlink().name
    except FileNotFoundError:
        return None


def current_snapshot(settings: Settings) -> Path:
    """Return the folder of the snapshot that is served, with the pointer resolved.

    Open files through this path, not through the pointer: everything then comes from one snapshot,
    also when a publish happens in between.

    Raises
    ------
    DamagedFile
        If nothing was ever published, or the pointer leads nowhere.
    """
    run_id = served_run_id(settings)
    if run_id is None:
        raise DamagedFile(
            f"Nothing is published under {settings.published} yet",
            None,
            "run a day: `make demo`, or `python -m dags.run_day --as-of YYYY-MM-DD`",
        )
    folder = snapshots_folder(settings) / run_id
    if not folder.is_dir():
        raise DamagedFile(
            f"{pointer_path(settings)} points to a snapshot that is gone",
            run_id,
            "point it to another: `python -m warehouse rollback --run <run_id>`",
        )
    return folder


def daily_snapshot(settings: Settings) -> Path:
    """Return the folder of the daily list that readers have, whether or not it was refreshed since.

    Who acts on a day, and not only reads it, acts on this: a refresh decides nothing anew.

    Raises
    ------
    DamagedFile
        If nothing was ever published, or the list that was refreshed is gone.
    """
    folder = current_snapshot(settings)
    derived_from = read_manifest(folder).derived_from
    if derived_from is None:
        return folder
    base = snapshots_folder(settings) / derived_from
    if not base.is_dir():
        raise DamagedFile(
            f"The daily list that {folder.name} was refreshed from is gone",
            derived_from,
            "publish the day again: `make run AS_OF=...`",
        )
    return base


def swap_pointer(settings: Settings, run_id: str) -> None:
    """Point readers to a snapshot, in one step: they see the old one or the new one."""
    temporary = settings.published / f".current.{os.getpid()}"
    try:
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(Path("snapshots") / run_id)
        temporary.replace(pointer_path(settings))
        fsync_folder(settings.published)
    except OSError as error:
        raise HoldfastError(
            f"The pointer {pointer_path(settings)} could not be moved to run {run_id} for sure",
            str(error),
            "make room or repair the disk, then publish again: it goes on from here",
        ) from error


@contextmanager
def publish_lock(settings: Settings, wait_seconds: float = WAIT_SECONDS) -> Iterator[None]:
    """Hold the right to add, remove or point to snapshots; it goes with the process.

    Raises
    ------
    Busy
        If another process holds it for longer than `wait_seconds`.
    """
    make_private_folder(snapshots_folder(settings))
    descriptor = os.open(settings.published / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        deadline = time.monotonic() + wait_seconds
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise Busy(
                        f"Another process has been publishing under {settings.published} for long",
                        f"waited {wait_seconds:g} s",
                        "wait for it, or stop it; the lock goes with it",
                    ) from None
                time.sleep(0.05)
        yield
    finally:
        os.close(descriptor)

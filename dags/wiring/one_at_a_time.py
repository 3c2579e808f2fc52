"""One run of a day at a time per home, whoever starts it from the command line."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from warehouse.errors import Busy


@contextmanager
def only_one(home: Path) -> Iterator[None]:
    """Hold the home's run lock; it goes with the process that holds it.

    Raises
    ------
    Busy
        If another process holds it.
    """
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (home / "run.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise Busy(
                f"A run in {home} is already running",
                lock.read().strip(),
                "wait for it, or use another HOLDFAST_HOME",
            ) from None
        lock.truncate(0)
        lock.write(f"process {os.getpid()}")
        lock.flush()
        yield

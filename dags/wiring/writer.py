"""Hold the writer's lock while dbt, which opens the build file by itself, runs in this process."""

import time
from contextlib import ExitStack
from typing import Any

from warehouse.errors import Busy
from warehouse.settings import Settings

PATIENCE_SECONDS = 600

_held = ExitStack()


def take_writer_lock(_context: Any = None, _operator: Any = None, patience: float = PATIENCE_SECONDS) -> None:
    """Take the lock, waiting for another process to let go of it.

    Raises
    ------
    Busy
        If it is still held after `patience` seconds.
    """
    from warehouse.connections import writer_lock

    settings = Settings.from_environment()
    give_up_at = time.monotonic() + patience
    while True:
        try:
            _held.enter_context(writer_lock(settings))
        except Busy:
            if time.monotonic() >= give_up_at:
                raise
            time.sleep(1)
        else:
            return


def release_writer_lock(*_ignored: Any, **_also_ignored: Any) -> None:
    """Let go of the build file and of the lock; harmless when neither is held."""
    from warehouse.dbt_project import close_build_file

    close_build_file()
    _held.close()

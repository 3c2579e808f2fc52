"""How the publishing faults are injected: processes of their own, killed where it hurts."""

import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

from tests.warehouse.publish.tiny_build import begin_and_build, tiny_settings
from warehouse.ledger import Ledger, Run
from warehouse.publish import check, publish, verify_snapshot
from warehouse.settings import Settings

# What Python announces before it changes something on the disk.
CHANGES = {"os.rename", "os.symlink", "os.chmod", "os.mkdir", "os.remove", "os.rmdir", "sqlite3.connect"}


def in_a_child(action: Callable[[], None]) -> int:
    """Run an action in a forked process; return its process id at once."""
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        action()
        code = 0
    except BaseException as error:  # noqa: BLE001  whatever it is, the child must not run the tests on
        sys.stderr.write(f"child: {error!r}\n")
    finally:
        os._exit(code)


def ended(process: int) -> int:
    """Wait for a child; return its exit code, negative for the signal that killed it."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def killed_after(action: Callable[[], None], seconds: float) -> int:
    """Run an action in a child and kill it after some time; return how it ended."""
    process = in_a_child(action)
    time.sleep(seconds)
    os.kill(process, signal.SIGKILL)
    return ended(process)


def killed_at_change(action: Callable[[], None], number: int) -> int:
    """Run an action in a child that dies just before its n-th change to the disk."""

    def doomed() -> None:
        seen = 0

        def watch(event: str, arguments: tuple[Any, ...]) -> None:
            nonlocal seen
            writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_ACCMODE
            if event in CHANGES or writes:
                seen += 1
                if seen == number:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(watch)
        action()

    return ended(in_a_child(doomed))


class Scene:
    """An old day that is published and a new one that is built, ready to be published over and over."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.pristine = home / "pristine"
        settings = tiny_settings(self.pristine)
        with Ledger.open(settings) as ledger:
            self.old = begin_and_build(settings, ledger, 0)
            publish(settings, ledger, self.old)
            self.new = begin_and_build(settings, ledger, 1)
        self.takes = 0

    def take(self) -> Settings:
        """Return the settings of a fresh copy."""
        self.takes += 1
        home = self.home / f"take-{self.takes}"
        shutil.copytree(self.pristine, home, symlinks=True)
        return tiny_settings(home)

    def publish_new(self, settings: Settings) -> None:
        """Publish the new day, as a task would."""
        with Ledger.open(settings) as ledger:
            publish(settings, ledger, ledger.run(self.new.run_id))


def assert_served_whole(settings: Settings, *possible: Run) -> str:
    """Make sure that readers get one of these runs, complete, and nothing without a manifest."""
    report = check(settings)
    assert report.run_id in {run.run_id for run in possible}
    visible = [path for path in (settings.published / "snapshots").iterdir() if path.name[0] != "."]
    assert visible
    for folder in visible:
        verify_snapshot(folder)
    return report.run_id


def assert_converged(settings: Settings, old: Run, new: Run) -> None:
    """Make sure that the new run is served, recorded once, and that nothing half-made is left."""
    assert assert_served_whole(settings, new) == new.run_id
    with Ledger.open(settings) as ledger:
        assert [(one.run_id, one.state) for one in ledger.publishes()] == [
            (old.run_id, "done"),
            (new.run_id, "done"),
        ]
        assert ledger.pointer_history() == (("publish", old.run_id), ("publish", new.run_id))
    assert {path.name for path in (settings.published / "snapshots").iterdir()} == {old.run_id, new.run_id}
    assert {path.name for path in settings.published.iterdir()} == {".lock", "current", "snapshots"}
    rows = rows_of(settings, "select count(*), min(run_id), max(run_id) from at_risk_users")
    assert rows == [(3, new.run_id, new.run_id)]


def rows_of(settings: Settings, sql: str) -> list[tuple[Any, ...]]:
    """Query what readers see."""
    path = (settings.published / "current").resolve() / "holdfast.duckdb"
    with duckdb.connect(path, read_only=True) as connection:
        return connection.execute(sql).fetchall()


def delays(count: int, longest: float) -> list[float]:
    """Return random delays, the same in every run."""
    chance = random.Random(20240301)  # noqa: S311  no secret depends on it
    return [chance.uniform(0, longest) for _ in range(count)]

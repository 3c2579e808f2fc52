"""The line for one day without Airflow: every task's own work, each stage a process of its own.

A `Workshop` is a process that has imported everything and forks one child per stage, as Airflow's
executor does per task.
"""

import atexit
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from functools import cache
from importlib import import_module
from pathlib import Path

from tests.end_to_end.homes import environment
from tests.end_to_end.stages import STAGES
from warehouse.errors import HoldfastError
from warehouse.ledger import Ledger
from warehouse.settings import REPOSITORY, Settings

LOG = "line.log"


class Workshop:
    """Runs stages in forked children, one at a time; a child leads a process group of its own."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.end_to_end.line"],
            cwd=REPOSITORY,
            env=environment(Path("nowhere")),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        atexit.register(self.process.kill)

    def begin(self, home: Path, day: date, stages: Sequence[str], **more: str) -> int:
        """Begin stages; return the child's process id at once."""
        assert self.process.stdin is not None
        asked = {"day": day.isoformat(), "stages": list(stages), "environment": environment(home, **more)}
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def ended(self) -> int:
        """Wait for the child that was begun; return its exit code, negative for a signal."""
        return self._answer()

    def attempt(self, home: Path, day: date, stages: Sequence[str], **more: str) -> int:
        """Run stages in one child; return its exit code."""
        self.begin(home, day, stages, **more)
        return self.ended()

    def run(self, home: Path, day: date, stages: Sequence[str] = (), **more: str) -> None:
        """Run stages (all of them if none is named) in one child; they must succeed."""
        code = self.attempt(home, day, stages or list(STAGES), **more)
        assert code == 0, (home / LOG).read_text()[-4000:]

    def kill_midway(self, home: Path, day: date, stage: str, seconds: float) -> None:
        """Begin a stage and kill its process group after some time; it must not be done by then.

        A stage that was done before the kill shows that the machine is faster than it was: it is begun
        again and killed after half the time.
        """
        while True:
            child = self.begin(home, day, [stage])
            time.sleep(seconds)
            with suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)
            ending = self.ended()
            if ending == -signal.SIGKILL:
                return
            assert ending == 0, (home / LOG).read_text()[-4000:]
            seconds /= 2

    def _answer(self) -> int:
        assert self.process.stdout is not None
        return int(self.process.stdout.readline())


@cache
def workshop() -> Workshop:
    """Return this process's workshop."""
    return Workshop()


def forget_runs(home: Path) -> None:
    """Begin anew: the next stages open runs of their own, as a new DAG run or a cleared one does."""
    shutil.rmtree(home / "line", ignore_errors=True)


def seconds_of(home: Path) -> dict[str, float]:
    """Return how long each stage took the last time that it ended."""
    words = [line.split() for line in (home / LOG).read_text().splitlines() if line.startswith("done ")]
    return {stage: float(seconds) for _, stage, seconds in words}


def _run_stages(day: date, stages: Sequence[str]) -> int:
    settings = Settings.from_environment()
    with Ledger.open(settings) as ledger:
        for stage in stages:
            began = time.monotonic()
            try:
                STAGES[stage](settings, ledger, day)
            except HoldfastError as error:
                sys.stdout.write(f"{stage}: {error}\n")
                return 1
            sys.stdout.write(f"done {stage} {time.monotonic() - began:.2f}\n")
            sys.stdout.flush()
    return 0


def _child(asked: dict[str, object]) -> int:
    """Become the process of a task: its own group, environment and log."""
    os.setsid()
    os.environ.clear()
    os.environ.update(asked["environment"])  # type: ignore[call-overload]
    log = os.open(Path(os.environ["HOLDFAST_HOME"]) / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for descriptor in (1, 2):
        os.dup2(log, descriptor)
    return _run_stages(date.fromisoformat(str(asked["day"])), asked["stages"])  # type: ignore[arg-type]


def _import_everything() -> None:
    from expectations.library import great_expectations

    for name in ("dbt.adapters.duckdb", "dbt.cli.main", "ml.entry", "warehouse.ingest", "warehouse.publish"):
        import_module(name)
    great_expectations()


def serve() -> None:
    """Fork a child for every line asked; answer with its process id, then with how it ended."""
    import traceback

    _import_everything()
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            code = 70
            try:
                code = _child(json.loads(line))
            except BaseException:  # noqa: BLE001  whatever it is, the child must not serve on
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()

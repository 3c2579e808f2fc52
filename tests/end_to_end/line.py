"""The line for one day without Airflow: every task's own work, each stage a process of its own.

A `Workshop` is a process that has imported everything and forks one child per stage, as Airflow's
executor does per task. The runs that the first task of a DAG opens are kept in a file, as Airflow
keeps them for a retry.
"""

import atexit
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date
from functools import cache
from importlib import import_module
from pathlib import Path

from tests.end_to_end.homes import environment
from warehouse.errors import HoldfastError
from warehouse.ledger import Ledger, Run
from warehouse.settings import REPOSITORY, Settings

Stage = Callable[[Settings, Ledger, date], None]
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


def ingest(settings: Settings, ledger: Ledger, day: date) -> None:
    """Take what was delivered up to the day."""
    from warehouse.ingest import ingest as ingest_landed

    run = _opened(settings, ledger, "ingest", day)
    report = ingest_landed(settings, ledger, through=day, progress=lambda _line: None)
    assert not report.refused, [outcome.reason for outcome in report.refused]
    ledger.finish_run(run)


def gate(name: str, kind: str) -> Stage:
    """Return the stage that checks a gate."""

    def check(settings: Settings, ledger: Ledger, day: date) -> None:
        from expectations.gate import run_gate

        run = _opened(settings, ledger, kind, day)
        run_gate(settings, ledger, run, name, [day], write_docs=False)  # type: ignore[arg-type]

    return check


def build_features(settings: Settings, ledger: Ledger, day: date) -> None:
    """Let dbt build everything up to the features."""
    _dbt(settings, "features", [day], _opened(settings, ledger, "features", day))


def record_built_day(settings: Settings, ledger: Ledger, day: date) -> None:
    """Say that the features passed their gate."""
    run = _opened(settings, ledger, "features", day)
    ledger.record_built_day(run)
    ledger.finish_run(run)


def build_snapshots(settings: Settings, ledger: Ledger, day: date) -> None:
    """Build the past days that training reads, when training is due."""
    from ml.entry import snapshots_missing

    sunday = _training_day(settings, ledger, day)
    missing = snapshots_missing(settings, sunday) if sunday else []
    if missing:
        _dbt(settings, "features", missing)


def build_labels(settings: Settings, ledger: Ledger, day: date) -> None:
    """Build the training labels, when training is due."""
    sunday = _training_day(settings, ledger, day)
    if sunday:
        _dbt(settings, "labels", [sunday])


def train(settings: Settings, ledger: Ledger, day: date) -> None:
    """Train and register a model, when training is due."""
    from ml.entry import train_model

    sunday = _training_day(settings, ledger, day)
    if sunday:
        run = _opened(settings, ledger, "train", sunday)
        train_model(settings, ledger, sunday)
        ledger.finish_run(run)


def score(settings: Settings, ledger: Ledger, day: date) -> None:
    """Give every eligible user a probability."""
    from ml.entry import score_day

    score_day(settings, ledger, _opened(settings, ledger, "score", day), day)


def copy_ledger_facts(settings: Settings, ledger: Ledger, day: date) -> None:
    """Bring what the ledger knows into the build file."""
    from warehouse.control_tables import copy_control_tables

    copy_control_tables(settings, ledger, _opened(settings, ledger, "score", day))


def build_risk(settings: Settings, ledger: Ledger, day: date) -> None:
    """Let dbt build tiers and the tables that readers see."""
    _dbt(settings, "risk", [day], _opened(settings, ledger, "score", day))


def publish(settings: Settings, ledger: Ledger, day: date) -> None:
    """Publish with the last gate's results, and end the run."""
    from warehouse.control_tables import copy_control_tables
    from warehouse.publish import publish as publish_run
    from warehouse.reports import write_report

    run = _opened(settings, ledger, "score", day)
    copy_control_tables(settings, ledger, run)
    publish_run(settings, ledger, run)
    ledger.finish_run(run)
    write_report(settings, ledger, run.run_id)


STAGES: dict[str, Stage] = {
    "ingest": ingest,
    "check_raw_tables": gate("raw", "features"),
    "build_features": build_features,
    "check_features": gate("features", "features"),
    "record_built_day": record_built_day,
    "build_snapshots": build_snapshots,
    "build_labels": build_labels,
    "train": train,
    "score": score,
    "check_scores": gate("scores", "score"),
    "copy_ledger_facts": copy_ledger_facts,
    "build_risk": build_risk,
    "check_risk_tables": gate("risk", "score"),
    "publish": publish,
}


def _opened(settings: Settings, ledger: Ledger, kind: str, day: date) -> Run:
    """Return the run of a kind that is open for the day; the first to ask begins it."""
    path = settings.home / "line" / f"{kind}-{day}.json"
    if not path.is_file():
        path.parent.mkdir(exist_ok=True)
        half = path.with_suffix(".tmp")
        half.write_text(json.dumps(ledger.begin_run(kind, settings.source, day).run_id))
        half.replace(path)
    run = ledger.run(json.loads(path.read_text()))
    ledger.assert_epoch_current(run)
    return run


def _training_day(settings: Settings, ledger: Ledger, day: date) -> date | None:
    from ml.entry import training_due

    return training_due(settings, ledger, day)


def _dbt(settings: Settings, selector: str, days: Sequence[date], run: Run | None = None) -> None:
    from warehouse.dbt_project import dbt_vars, run_dbt

    variables = dbt_vars(settings, days, run_id=run.run_id if run else "")
    # the DAGs' build runs models, seeds and data tests too, and no unit tests
    arguments = ["build", "--quiet", "--exclude-resource-type", "unit_test", "--selector", selector]
    run_dbt(settings, arguments, variables)


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

"""Ledger runs: begun by the first task of a DAG run, handed to the others, ended by the last."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.sdk import get_current_context, task

from dags.wiring.days import asked_days
from warehouse.settings import Settings

if TYPE_CHECKING:
    from warehouse.ledger import Ledger, Run

OpenedRun = dict[str, str]


@contextmanager
def opened_ledger() -> Iterator[tuple[Settings, "Ledger"]]:
    """Open the ledger of the environment's settings for as long as a task needs it."""
    from warehouse.ledger import Ledger

    settings = Settings.from_environment()
    with Ledger.open(settings) as ledger:
        yield settings, ledger


def begin(kind: str, days: Sequence[dt.date], context: Mapping[str, Any]) -> list[OpenedRun]:
    """Begin one ledger run per day and return what the other tasks need to know of them."""
    with opened_ledger() as (settings, ledger):
        runs = [
            ledger.begin_run(kind, settings.source, day, trigger=trigger_of(context["dag_run"]))
            for day in days
        ]
    return [{"run_id": run.run_id, "as_of_date": run.as_of_date.isoformat(), "kind": kind} for run in runs]


def trigger_of(dag_run: Any) -> str:
    """Return what started a DAG run, in one word: manual, scheduled, backfill, asset_triggered."""
    run_type = getattr(dag_run, "run_type", "manual")
    return str(getattr(run_type, "value", run_type))


def settings_and_days(opened: Sequence[OpenedRun]) -> tuple[Settings, list[dt.date]]:
    """Return the settings and the days of opened runs."""
    return Settings.from_environment(), [dt.date.fromisoformat(run["as_of_date"]) for run in opened]


def each_run(ledger: "Ledger", opened: Sequence[OpenedRun]) -> "Iterator[Run]":
    """Yield the ledger's runs, oldest day first, making sure that each may still write.

    Raises
    ------
    SupersededRun
        If a newer run of the same kind and day has begun.
    """
    for run in opened:
        record = ledger.run(run["run_id"])
        ledger.assert_epoch_current(record)
        yield record


def finish(opened: Sequence[OpenedRun]) -> None:
    """Record that runs succeeded and write their report."""
    from warehouse.reports import write_report

    with opened_ledger() as (settings, ledger):
        for run in each_run(ledger, opened):
            ledger.finish_run(run)
            write_report(settings, ledger, run.run_id)


@task(task_id="open_runs")
def open_runs(kind: str) -> list[OpenedRun]:
    """Begin a ledger run for every day that this DAG run was asked for."""
    context = get_current_context()
    return begin(kind, asked_days(context), context)

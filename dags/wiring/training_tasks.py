"""The tasks of train_churn_model beside dbt."""

from airflow.sdk import get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

from dags.wiring.announce import announce
from dags.wiring.assets import CHURN_MODEL
from dags.wiring.days import announced_days, parsed_day
from dags.wiring.defaults import WRITER_POOL
from dags.wiring.runs import OpenedRun, begin, each_run, finish, opened_ledger


@task(task_id="open_runs")
def open_training_run() -> list[OpenedRun]:
    """Begin a run for the Sunday on or before the day asked for, or before the newest built day.

    An alarm asks for its own day: the Sunday before it has been trained on already.
    """
    from ml.calendar import training_date

    context = get_current_context()
    asked = context["params"].get("as_of_date")
    alarmed = [] if asked else announced_days(context)
    if alarmed:
        return begin("train", alarmed[-1:], context)
    with opened_ledger() as (settings, ledger):
        day = parsed_day(asked) if asked else ledger.newest_built_day(settings.source)
    if day is None:
        raise AirflowSkipException("no day was built yet; there is nothing to train on")
    return begin("train", [training_date(day)], context)


@task(pool=WRITER_POOL)
def build_missing_snapshots(opened: list[OpenedRun]) -> list[str]:
    """Build the features of past days that training and the watch read and that were never built.

    Returns
    -------
    list of str
        The days that were built now.
    """
    from ml.entry import snapshots_missing
    from ml.watch import days_missing
    from warehouse.past_days import build_past_days

    with opened_ledger() as (settings, ledger):
        missing = sorted(
            {
                day
                for run in each_run(ledger, opened)
                for read_by in (snapshots_missing, days_missing)
                for day in read_by(settings, run.as_of_date)
            }
        )
        build_past_days(settings, missing)
    return [day.isoformat() for day in missing]


@task(pool=WRITER_POOL)
def train_and_register(opened: list[OpenedRun]) -> list[str]:
    """Hold the contest, sign and register the winner, and decide whether it becomes champion.

    Returns
    -------
    list of str
        Model versions.
    """
    from ml.entry import train_model

    with opened_ledger() as (settings, ledger):
        versions = [
            train_model(settings, ledger, run.as_of_date, progress=print) for run in each_run(ledger, opened)
        ]
    finish(opened)
    return versions


@task(outlets=[CHURN_MODEL])
def announce_model(opened: list[OpenedRun]) -> None:
    """Say that there is a model."""
    announce(CHURN_MODEL, [run["as_of_date"] for run in opened])

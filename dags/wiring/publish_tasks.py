"""The tasks of score_churn_risk after the tiers."""

from airflow.sdk import get_current_context, task

from dags.wiring.announce import announce
from dags.wiring.assets import RISK_TIERS
from dags.wiring.defaults import WRITER_POOL
from dags.wiring.runs import OpenedRun, each_run, finish, opened_ledger


@task(pool=WRITER_POOL)
def copy_ledger_facts(opened: list[OpenedRun]) -> None:
    """Copy runs, deliveries, gate results and models into the build file, for the reporting tables."""
    from warehouse.control_tables import copy_control_tables

    with opened_ledger() as (settings, ledger):
        (run,) = each_run(ledger, opened)
        copy_control_tables(settings, ledger, run)


@task(pool=WRITER_POOL)
def publish_snapshot(opened: list[OpenedRun]) -> str:
    """Publish the run's snapshot and end the run; a run that was overtaken does not publish.

    The ledger's facts are copied once more, so that the report has the last gate's results too.

    Returns
    -------
    str
        What readers now see, in a sentence.
    """
    from warehouse.control_tables import copy_control_tables
    from warehouse.publish import publish

    move_pointer = bool(get_current_context()["params"].get("move_pointer", True))
    with opened_ledger() as (settings, ledger):
        (run,) = each_run(ledger, opened)
        copy_control_tables(settings, ledger, run)
        done = publish(settings, ledger, run, move_pointer=move_pointer)
    finish(opened)
    return f"run {done.run_id}, as of {done.as_of_date}: {done.note}"


@task(outlets=[RISK_TIERS])
def announce_risk(opened: list[OpenedRun]) -> None:
    """Say that the risk tiers changed."""
    announce(RISK_TIERS, [run["as_of_date"] for run in opened], run_ids=[run["run_id"] for run in opened])

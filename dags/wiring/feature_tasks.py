"""The tasks of build_user_features beside dbt and the gates."""

import logging

from airflow.sdk import task

from dags.wiring.announce import announce
from dags.wiring.assets import USER_FEATURES
from dags.wiring.runs import OpenedRun, each_run, finish, opened_ledger

log = logging.getLogger(__name__)


@task
def record_built_days(opened: list[OpenedRun]) -> list[str]:
    """Record that the days' features passed their gate, keep the SQL that built them, and end the runs.

    The SQL is what users are scored with between two runs; it is compiled anew only if it has changed.
    """
    from warehouse.feature_program.compiling import keep_program

    with opened_ledger() as (settings, ledger):
        missing = keep_program(settings)
        if missing is not None:
            log.warning("users cannot be scored on demand: %s", missing)
        for run in each_run(ledger, opened):
            ledger.record_built_day(run)
    finish(opened)
    return [run["as_of_date"] for run in opened]


@task(outlets=[USER_FEATURES], trigger_rule="none_failed_min_one_success")
def announce_features(opened: list[OpenedRun]) -> None:
    """Let scoring begin."""
    announce(
        USER_FEATURES,
        [run["as_of_date"] for run in opened],
        run_ids=[run["run_id"] for run in opened],
    )

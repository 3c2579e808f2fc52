"""The tasks of score_churn_risk up to the scores."""

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import task

from dags.wiring.defaults import WRITER_POOL
from dags.wiring.runs import OpenedRun, each_run, finish, opened_ledger
from dags.wiring.watch_tasks import watch_missed_day

WAIT_SECONDS = 10
# as the DAGs build it: with the tests of the data, without the unit tests of the SQL
BUILD_RISK = ("build", "--exclude-resource-type", "unit_test", "--selector", "risk")


@task.short_circuit(ignore_downstream_trigger_rules=False)
def is_training_due(opened: list[OpenedRun]) -> str | bool:
    """Return the day to train on when the newest day's week has no model yet; else skip training."""
    from ml.entry import training_due

    with opened_ledger() as (settings, ledger):
        newest = list(each_run(ledger, opened))[-1]
        due = training_due(settings, ledger, newest.as_of_date)
    return due.isoformat() if due else False


def train_first() -> TriggerDagRunOperator:
    """Train on the day that `is_training_due` returned, and wait for the model."""
    return TriggerDagRunOperator(
        task_id="train_first",
        trigger_dag_id="train_churn_model",
        conf={"as_of_date": "{{ ti.xcom_pull(task_ids='is_training_due') }}"},
        wait_for_completion=True,
        deferrable=True,
        poke_interval=WAIT_SECONDS,
    )


@task(pool=WRITER_POOL, trigger_rule="none_failed")
def catch_up_missed_days(opened: list[OpenedRun]) -> list[OpenedRun]:
    """Score, tier and watch the days before the newest one, after an outage; they are not published.

    Returns
    -------
    list of OpenedRun
        The newest day's run alone; the tasks after this one do that day.
    """
    from expectations.gate import run_gate
    from ml.entry import score_day
    from warehouse.control_tables import copy_control_tables
    from warehouse.dbt_project import dbt_vars, run_dbt

    *missed, newest = opened
    with opened_ledger() as (settings, ledger):
        for run in each_run(ledger, missed):
            day = [run.as_of_date]
            score_day(settings, ledger, run, run.as_of_date, progress=print)
            run_gate(settings, ledger, run, "scores", day)
            copy_control_tables(settings, ledger, run)
            run_dbt(settings, BUILD_RISK, dbt_vars(settings, day, run_id=run.run_id))
            run_gate(settings, ledger, run, "risk", day)
            watch_missed_day(settings, ledger, run)
    finish(missed)
    return [newest]


@task(pool=WRITER_POOL)
def score_users(opened: list[OpenedRun]) -> int:
    """Score the day with its model and the uplift models in force. Returns how many users were scored."""
    from ml.entry import score_day
    from ml.uplift.entry import score_uplift

    with opened_ledger() as (settings, ledger):
        (run,) = each_run(ledger, opened)
        users = score_day(settings, ledger, run, run.as_of_date, progress=print).users
        score_uplift(settings, ledger, run, run.as_of_date, progress=print)
    return users


@task(pool=WRITER_POOL)
def choose_actions(opened: list[OpenedRun]) -> str:
    """Choose who gets what, under capacities and budgets. Returns the choice in a sentence."""
    from campaigns.choose import choose_actions as choose

    with opened_ledger() as (settings, ledger):
        (run,) = each_run(ledger, opened)
        return str(choose(settings, run, run.as_of_date, progress=print))

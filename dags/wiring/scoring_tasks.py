"""The tasks of score_churn_risk up to the scores."""

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import task

from dags.wiring.defaults import WRITER_POOL
from dags.wiring.runs import OpenedRun, each_run, opened_ledger

WAIT_SECONDS = 10


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
def score_users(opened: list[OpenedRun]) -> list[int]:
    """Score each day with its model, oldest first.

    Returns
    -------
    list of int
        Users scored, per day.
    """
    from ml.entry import score_day

    with opened_ledger() as (settings, ledger):
        return [
            score_day(settings, ledger, run, run.as_of_date, progress=print).users
            for run in each_run(ledger, opened)
        ]

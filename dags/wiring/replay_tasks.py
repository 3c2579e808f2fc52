"""The tasks of replay_past_days."""

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

from dags.wiring.days import parsed_day
from dags.wiring.runs import trigger_of

WAIT_SECONDS = 10


@task
def only_in_a_backfill() -> str:
    """Return the day to replay: the run's partition, which a backfill names by the day.

    Raises
    ------
    AirflowSkipException
        If the schedule, and not a backfill, made this run.
    """
    dag_run = get_current_context()["dag_run"]
    if trigger_of(dag_run) != "backfill":
        raise AirflowSkipException("outside a backfill there is nothing to replay")
    return parsed_day(dag_run.partition_key).isoformat()


def replay(dag_id: str) -> TriggerDagRunOperator:
    """Run a DAG for the day, quietly: nothing is announced, and readers stay where they are."""
    return TriggerDagRunOperator(
        task_id=f"replay_{dag_id}",
        trigger_dag_id=dag_id,
        conf={
            "as_of_date": "{{ ti.xcom_pull(task_ids='only_in_a_backfill') }}",
            "announce": False,
            "move_pointer": False,
        },
        wait_for_completion=True,
        deferrable=True,
        poke_interval=WAIT_SECONDS,
    )

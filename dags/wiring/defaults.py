"""What every task of every DAG starts from: retries, pool, failure report."""

from datetime import timedelta
from typing import Any

import pendulum
from airflow.sdk import ExceptionRetryPolicy, Param, RetryAction, RetryRule

from dags.wiring.failures import report_failure
from dags.wiring.notices import TellEngineers

# One slot: DuckDB has one writer, and then no readers at all.
WRITER_POOL = "warehouse_writer"

START_DATE = pendulum.datetime(2026, 1, 1, tz="UTC")

# Only a lock gets better by waiting; a broken contract or a red gate fails at once.
RETRY_WHEN_BUSY = ExceptionRetryPolicy(
    rules=[RetryRule("warehouse.errors.Busy", RetryAction.RETRY, timedelta(seconds=30))],
    default=RetryAction.FAIL,
)

# First the ledger and the report, which the notice points to; then people.
ON_FAILURE = (report_failure, TellEngineers())

DEFAULT_ARGS: dict[str, Any] = {
    "owner": "holdfast",
    "retries": 10,
    "retry_delay": timedelta(minutes=1),
    "retry_policy": RETRY_WHEN_BUSY,
    "on_failure_callback": list(ON_FAILURE),
}

# A DAG that writes runs one at a time: days are taken in the order in which they were asked for.
DAG_DEFAULTS: dict[str, Any] = {
    "start_date": START_DATE,
    "catchup": False,
    "max_active_runs": 1,
    "default_args": DEFAULT_ARGS,
    "tags": ["holdfast"],
    "render_template_as_native_obj": True,
}


def day_params() -> dict[str, Param]:
    """Return the parameters of a DAG that works on days."""
    return {
        "as_of_date": Param(
            None,
            type=["null", "string"],
            format="date",
            description="The day to work on. Left empty, the event that triggered the run says it.",
        ),
        "announce": Param(
            True,
            type="boolean",
            description="Tell the DAGs that wait for this result. Off when days of the past are replayed.",
        ),
        "move_pointer": Param(
            True,
            type="boolean",
            description="Let readers see the result, if it is newer than what they see. Off for replays.",
        ),
    }

"""When a task fails for good: the readable reason goes to the ledger and into the run's report."""

import logging
from collections.abc import Mapping
from typing import Any

log = logging.getLogger(__name__)

# What a DAG's runs are called in the ledger.
KIND_OF_DAG = {
    "ingest_deliveries": "ingest",
    "build_user_features": "features",
    "train_churn_model": "train",
    "score_churn_risk": "score",
    "replay_past_days": "replay",
    "run_retention_campaigns": "campaigns",
    "measure_campaign_effects": "effects",
    "train_uplift_model": "uplift",
    "refresh_risk": "refresh",
}


def report_failure(context: Mapping[str, Any]) -> None:
    """Record why a task failed (Airflow's on_failure_callback, called once, after the last try).

    Parameters
    ----------
    context : mapping
        Airflow's context. After a process was killed Airflow calls from elsewhere, with less in
        it: then the newest unfinished run of the same kind is the one that failed.
    """
    from dags.wiring.runs import opened_ledger

    task_instance = context["ti"]
    where = f"{task_instance.dag_id}.{task_instance.task_id}"
    reason = f"{where}: {readable(context.get('exception'))}"
    log.error("%s", reason)
    with opened_ledger() as (settings, ledger):
        runs = _runs_of(context, ledger, settings.source)
        for run in runs:
            if run.status == "running":
                ledger.fail_run(run, reason)
        from warehouse.reports import write_report

        for run in runs:
            write_report(settings, ledger, run.run_id)


def readable(exception: object) -> str:
    """Return the reason in one paragraph, without a stack trace."""
    if exception is None:
        return "the process ended without saying why (killed, or out of memory)"
    text = str(exception).strip() or type(exception).__name__
    from warehouse.errors import HoldfastError

    return text if isinstance(exception, HoldfastError) else f"{type(exception).__name__}: {text}"


def _runs_of(context: Mapping[str, Any], ledger: Any, source: str) -> list[Any]:
    opened = opened_runs(context)
    if opened:
        return [ledger.run(run["run_id"]) for run in opened]
    kind = KIND_OF_DAG.get(context["ti"].dag_id, "")
    unfinished = [run for run in ledger.recent_runs(source) if run.kind == kind and run.status == "running"]
    return unfinished[:1]


def opened_runs(context: Mapping[str, Any]) -> Any:
    """Return the ledger runs that a task's DAG run began; None where nobody can be asked."""
    try:
        return context["ti"].xcom_pull(task_ids="open_runs")
    except Exception:  # a callback for a killed task has nobody to ask
        log.warning("cannot ask which ledger run the failed task belonged to", exc_info=True)
        return None

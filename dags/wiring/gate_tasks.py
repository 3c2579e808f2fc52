"""Run gates as tasks."""

from airflow.sdk import task

from dags.wiring.defaults import WRITER_POOL
from dags.wiring.runs import OpenedRun, each_run, opened_ledger


@task(pool=WRITER_POOL)
def check_gate(gate: str, opened: list[OpenedRun]) -> dict[str, int]:
    """Check one gate for every day of the run; a failed rule fails the task with the rules' messages.

    Returns
    -------
    dict
        Rules checked, by ledger run.
    """
    from expectations.gate import run_gate

    with opened_ledger() as (settings, ledger):
        return {
            run.run_id: len(run_gate(settings, ledger, run, gate, [run.as_of_date]).results)  # type: ignore[arg-type]
            for run in each_run(ledger, opened)
        }


@task(pool=WRITER_POOL)
def check_risk_tables(opened: list[OpenedRun]) -> dict[str, int]:
    """Check what is about to be published: the tiers, then the campaigns. In one task: importing costs most.

    Returns
    -------
    dict
        Rules checked, by ledger run.
    """
    from expectations.gate import run_gate

    checked = {}
    with opened_ledger() as (settings, ledger):
        for run in each_run(ledger, opened):
            day = [run.as_of_date]
            risk = run_gate(settings, ledger, run, "risk", day)
            campaigns = run_gate(settings, ledger, run, "campaigns", day)
            checked[run.run_id] = len(risk.results) + len(campaigns.results)
    return checked

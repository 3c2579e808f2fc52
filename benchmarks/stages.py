"""One stage of the pipeline as a process: ``python -m benchmarks.stages <stage> …``.

Each calls what the DAG's task of the same name calls, and leaves as an Airflow worker leaves a task: without
taking Python apart. Prints, as its last line, JSON with the seconds that the stage itself worked, without
starting Python and importing.
"""

# each stage imports what it needs and no more: importing is part of what is measured
# ruff: noqa: PLC0415
import argparse
import atexit
import json
import os
import sys
import time
from collections.abc import Callable
from datetime import date
from typing import Any

from warehouse.errors import GateFailure
from warehouse.ledger import Ledger, Run
from warehouse.settings import Settings


def ingest(settings: Settings, ledger: Ledger, _: argparse.Namespace) -> dict[str, Any]:
    """Take what has landed; addresses and consents go to where delivery looks."""
    from warehouse.ingest import ingest as take
    from warehouse.vault import sync_people

    began = time.perf_counter()
    report = take(settings, ledger)
    sync_people(settings, ledger)
    assert not report.refused, report.sentences()  # noqa: S101
    return {
        "work": time.perf_counter() - began,
        "received": report.rows_received,
        "accepted": report.rows_accepted,
    }


def models(settings: Settings, _: Ledger, asked: argparse.Namespace) -> dict[str, Any]:
    """Build a selector's models and run their tests, for one day or more, as the DAGs do."""
    from warehouse.dbt_project import dbt_vars, run_dbt

    command = ["build", "--selector", asked.selector, "--exclude-resource-type", "unit_test", "--quiet"]
    run_id = asked.run or ""
    outcome = run_dbt(settings, command, dbt_vars(settings, asked.as_of, run_id=run_id))
    seconds = {one.node.unique_id: float(one.execution_time) for one in outcome.results}
    return {"work": sum(seconds.values()), "nodes": seconds}


def gate(settings: Settings, ledger: Ledger, asked: argparse.Namespace) -> dict[str, Any]:
    """Check a gate. A closed gate stops no benchmark; it is told."""
    from expectations.gate import run_gate

    run, said = ledger.run(asked.run), ""
    began = time.perf_counter()
    try:
        run_gate(settings, ledger, run, asked.gate, asked.as_of)
    except GateFailure as closed:
        said = str(closed).splitlines()[1]
    results = ledger.gate_results(run.run_id)
    rules = sum(result.gate == asked.gate for result in results)
    return {"work": time.perf_counter() - began, "rules": rules, "closed": said}


def program(settings: Settings, _: Ledger, __: argparse.Namespace) -> dict[str, Any]:
    """Keep the SQL that the features were built with, by which single users are scored."""
    from warehouse.feature_program.compiling import current_program

    began = time.perf_counter()
    current_program(settings)
    return {"work": time.perf_counter() - began}


def snapshots(settings: Settings, _: Ledger, asked: argparse.Namespace) -> dict[str, Any]:
    """Build the features of the past days that training reads."""
    from ml.entry import snapshots_missing
    from warehouse.past_days import build_past_days

    (day,) = asked.as_of
    missing = snapshots_missing(settings, day)
    began = time.perf_counter()
    builds = build_past_days(settings, missing)
    return {"work": time.perf_counter() - began, "days": len(missing), "builds": builds}


def score(settings: Settings, ledger: Ledger, asked: argparse.Namespace) -> dict[str, Any]:
    """Score a day."""
    from ml.entry import score_day

    run, (day,) = ledger.run(asked.run), asked.as_of
    began = time.perf_counter()
    outcome = score_day(settings, ledger, run, day)
    return {"work": time.perf_counter() - began, "users": outcome.users}


def risk(settings: Settings, ledger: Ledger, asked: argparse.Namespace) -> dict[str, Any]:
    """Copy the ledger's facts, then build tiers and reports."""
    from warehouse.control_tables import copy_control_tables

    copy_control_tables(settings, ledger, ledger.run(asked.run))
    return models(settings, ledger, asked)


STAGES: dict[str, Callable[[Settings, Ledger, argparse.Namespace], dict[str, Any]]] = {
    "ingest": ingest,
    "models": models,
    "gate": gate,
    "program": program,
    "snapshots": snapshots,
    "score": score,
    "risk": risk,
}


def finished(ledger: Ledger, run: Run, *, is_built: bool = False) -> None:
    """End a run, and record its day as built if it is one of features."""
    if is_built:
        ledger.record_built_day(run)
    ledger.finish_run(run)


def main() -> int:
    """Run one stage in the environment's home."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stages", description=__doc__)
    parser.add_argument("stage", choices=STAGES)
    parser.add_argument("--as-of", type=date.fromisoformat, nargs="+", default=[])
    parser.add_argument("--selector", default="features")
    parser.add_argument("--gate")
    parser.add_argument("--run")
    asked = parser.parse_args()
    settings = Settings.from_environment()
    with Ledger.open(settings) as ledger:
        told = STAGES[asked.stage](settings, ledger, asked)
    print(f"\n{json.dumps(told)}")
    return 0


if __name__ == "__main__":
    done = main()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(done)

"""One day through the real DAGs, in one process: ``python -m dags.run_day --as-of 2011-09-09``.

Runs ingest_deliveries, build_user_features, train_churn_model and score_churn_risk, in this order, as
Airflow's ``dag.test`` runs them: same tasks, same gates, no scheduler. Everything that has landed is
ingested; only what had happened and was known by the day reaches its features. Stops at the first DAG
that fails, with the reason.
"""

import argparse
import datetime as dt
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dags.wiring.airflow_home import enter, prepare_database
from dags.wiring.one_at_a_time import only_one
from dags.wiring.quiet import output_to
from warehouse.errors import Busy, ContractBreach, HoldfastError
from warehouse.settings import Settings

FAILED = 1
TRY_AGAIN = 75  # EX_TEMPFAIL: schedulers take it for "later"

STAGES = (
    ("ingest_deliveries", "taking what has landed"),
    ("build_user_features", "building the day's features"),
    ("train_churn_model", "training on the Sunday before"),
    ("score_churn_risk", "scoring, tiers, publishing"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a day; returns 0, 1 when a DAG failed, 75 when another run of this home is under way."""
    parser = argparse.ArgumentParser(prog="python -m dags.run_day", description=__doc__)
    parser.add_argument(
        "--as-of", type=dt.date.fromisoformat, help="the day; the newest accepted one if left out"
    )
    parser.add_argument("--source", help="the shop; HOLDFAST_SOURCE if left out")
    asked = parser.parse_args(arguments)
    if asked.source:
        os.environ["HOLDFAST_SOURCE"] = asked.source
    try:
        settings = Settings.from_environment()
        with only_one(settings.home):
            return _run(settings, asked.as_of)
    except Busy as busy:
        print(busy, file=sys.stderr)
        return TRY_AGAIN
    except HoldfastError as error:
        print(error, file=sys.stderr)
        return FAILED


def _run(settings: Settings, asked: dt.date | None) -> int:
    began = time.monotonic()
    log = enter(settings) / "logs" / "run_day.log"
    print(f"Running {settings.source} in {settings.home} (log: {log})", flush=True)
    with output_to(log):
        prepare_database()
        dags = read_dags()
    day: dt.date | None = asked
    for number, (dag_id, what) in enumerate(STAGES, start=1):
        print(f"[{number}/{len(STAGES)}] {dag_id}: {what} ... ", end="", flush=True)
        stage_began = time.monotonic()
        with output_to(log):
            conf = {"announce": False} | ({"as_of_date": day.isoformat()} if day else {})
            dag_run = dags[dag_id].test(run_conf=conf)
        seconds = time.monotonic() - stage_began
        if dag_run.state != "success":
            print(f"failed after {seconds:.1f} s", flush=True)
            print(_why(settings, log), file=sys.stderr)
            return FAILED
        print(f"{seconds:.1f} s", flush=True)
        day = day or _newest_accepted_day(settings)
    print(f"{day} is done in {time.monotonic() - began:.0f} s. Report: {settings.reports / 'latest.md'}")
    return 0


def read_dags() -> dict[str, Any]:
    """Read the DAG files as a test runs them; ContractBreach if one cannot be read."""
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(os.environ["AIRFLOW__CORE__DAGS_FOLDER"])
    if bag.import_errors:
        path, trace = next(iter(bag.import_errors.items()))
        reason = trace.strip().splitlines()[-1]
        raise ContractBreach(f"The DAG file {path} cannot be read: {reason}", None, "mend that first")
    for dag in bag.dags.values():
        # nobody waits for this run's list, and Airflow 3.3.2 cannot test a DAG that has a deadline
        dag.deadline = None
    return dict(bag.dags)


def _newest_accepted_day(settings: Settings) -> dt.date:
    from warehouse.ledger import Ledger

    with Ledger.open(settings) as ledger:
        days = [one.delivery_date for one in ledger.deliveries(settings.source, status="accepted")]
    if not days:
        raise ContractBreach(f"No delivery of {settings.source} was accepted yet", None, "land one first")
    return max(days)


def _why(settings: Settings, log: Path) -> str:
    from warehouse.ledger import Ledger

    with Ledger.open(settings) as ledger:
        newest = next(iter(ledger.recent_runs(settings.source, 1)), None)
    if newest is not None and newest.reason:
        return f"\n{newest.reason}\n\nReport: {settings.reports / 'latest.md'}\nLog: {log}"
    return f"\nNo reason was recorded; the log says more: {log}"


if __name__ == "__main__":
    sys.exit(main())

"""Copy what the ledger knows into the build file, so that the reporting tables can tell it."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import duckdb
import pyarrow as pa

from warehouse.books import keep_books
from warehouse.connections import open_build
from warehouse.control_campaigns import copy_campaign_facts
from warehouse.ledger import Delivery, Ledger, ModelDecision, Run
from warehouse.settings import Settings
from warehouse.sources import load_source

# Gate results are copied for the runs of this many days, the run's own included.
GATE_DAYS = 31
RUNS_READ = 1_000

TEXT, DAY, COUNT, FLAG = pa.string(), pa.date32(), pa.int64(), pa.bool_()

RUN = {"run_id": TEXT, "as_of_date": DAY, "epoch": COUNT, "source": TEXT, "kind": TEXT, "trigger": TEXT}
DELIVERIES = {
    **{"delivery_id": TEXT, "delivery_number": COUNT, "source": TEXT, "delivery_date": DAY, "known_on": DAY},
    **{"status": TEXT, "rows_received": COUNT, "rows_accepted": COUNT, "rows_quarantined": COUNT},
    **{"rows_duplicate": COUNT, "reason": TEXT},
}
QUARANTINE_REASONS = {
    **{"delivery_id": TEXT, "delivery_date": DAY, "known_on": DAY, "reason_code": TEXT},
    "rows_quarantined": COUNT,
}
RECONCILIATION = {
    **{"as_of_date": DAY, "run_id": TEXT, "table_name": TEXT, "rule": TEXT, "is_good": FLAG},
    **{"observed": TEXT, "expected": TEXT, "message": TEXT},
}
GATE_RESULTS = {
    **{"run_id": TEXT, "as_of_date": DAY, "gate": TEXT, "suite": TEXT, "expectation": TEXT},
    **{"column_name": TEXT, "success": FLAG, "observed": TEXT, "expected": TEXT, "message": TEXT},
}
MODEL_DECISIONS = {
    **{"decision_number": COUNT, "decided_for": DAY, "definition_id": TEXT, "challenger": TEXT},
    **{"champion": TEXT, "verdict": TEXT, "reason": TEXT, "decided_by": TEXT},
}


def copy_control_tables(settings: Settings, ledger: Ledger, run: Run) -> dict[str, int]:
    """Write the tables of the schema ``control`` that the reporting models read.

    Only what is of the run's day or before it is copied, so that a day that is run again tells the
    same. ``control.run`` keeps the newest run of every day; the other tables are replaced.

    Parameters
    ----------
    settings : Settings
        Says where the build file is.
    ledger : Ledger
        Is read.
    run : Run
        The run whose tables are about to be published.

    Returns
    -------
    dict
        Rows by table.
    """
    deliveries = [d for d in ledger.deliveries(run.source) if d.known_on <= run.as_of_date]
    reasons = [
        {**asdict(delivery), "reason_code": code, "rows_quarantined": rows}
        for delivery in deliveries
        for code, rows in sorted(delivery.quarantine_reasons.items())
    ]
    written = {
        "run": (RUN, [asdict(run)]),
        "deliveries": (DELIVERIES, [asdict(delivery) for delivery in deliveries]),
        "quarantine_reasons": (QUARANTINE_REASONS, reasons),
        "gate_results": (GATE_RESULTS, list(_gate_rows(ledger, run))),
        "model_decisions": (MODEL_DECISIONS, [asdict(one) for one in _decisions(ledger, run)]),
    }
    with open_build(settings) as connection:
        books = list(_books(connection, settings, ledger, run, deliveries))
        written["reconciliation"] = (RECONCILIATION, books)
        connection.execute("create schema if not exists control")
        connection.execute("begin transaction")
        for table, (columns, rows) in written.items():
            _write(connection, table, columns, rows, run)
        campaigns = _copy_campaigns(connection, settings, ledger, run)
        connection.execute("commit")
    counts = {table: len(rows) for table, (_, rows) in written.items()} | campaigns
    return {f"control.{table}": rows for table, rows in counts.items()}


def copy_campaign_tables(settings: Settings, ledger: Ledger, run: Run) -> dict[str, int]:
    """Write only the tables of campaigns, as `copy_control_tables` does; returns rows by table."""
    with open_build(settings) as connection:
        connection.execute("create schema if not exists control")
        connection.execute("begin transaction")
        campaigns = _copy_campaigns(connection, settings, ledger, run)
        connection.execute("commit")
    return {f"control.{table}": rows for table, rows in campaigns.items()}


def _copy_campaigns(
    connection: duckdb.DuckDBPyConnection, settings: Settings, ledger: Ledger, run: Run
) -> dict[str, int]:
    time_zone = load_source(run.source, settings.dbt_project).time_zone
    return copy_campaign_facts(connection, ledger, run.source, run.as_of_date, time_zone)


def _books(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    ledger: Ledger,
    run: Run,
    deliveries: Sequence[Delivery],
) -> Iterator[dict[str, Any]]:
    """Yield the sums over the rows and the money that the day knew."""
    files = ledger.recorded_files(run.source)
    recorded = [(delivery, files.get(delivery.delivery_id, ())) for delivery in deliveries]
    for fact in keep_books(connection, load_source(run.source, settings.dbt_project), recorded):
        yield {
            **asdict(fact),
            "as_of_date": run.as_of_date,
            "run_id": run.run_id,
            "is_good": fact.is_good,
            "message": None if fact.is_good else f"{fact.sentence}. To do: python -m warehouse rebuild",
        }


def _decisions(ledger: Ledger, run: Run) -> Iterator[ModelDecision]:
    """Yield what was decided for the run's day or before it."""
    for decision in ledger.model_decisions(run.source):
        if decision.decided_for <= run.as_of_date:
            yield decision


def _gate_rows(ledger: Ledger, run: Run) -> Iterator[dict[str, Any]]:
    """Yield the results of each day's newest run of each kind."""
    first_day = run.as_of_date - timedelta(days=GATE_DAYS - 1)
    told = set()
    # a refresh every quarter of an hour would push out the gates of weeks
    for other in ledger.recent_runs(run.source, RUNS_READ, leaving_out=("refresh",)):
        work = (other.kind, other.as_of_date)
        if work in told or not first_day <= other.as_of_date <= run.as_of_date:
            continue
        results = ledger.gate_results(other.run_id)
        if results:
            told.add(work)
        for result in results:
            yield {
                **asdict(result),
                "run_id": other.run_id,
                "as_of_date": other.as_of_date,
                "column_name": result.column,
            }


def _write(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    columns: dict[str, pa.DataType],
    rows: Sequence[dict[str, Any]],
    run: Run,
) -> None:
    arrow = pa.Table.from_pylist([{name: row[name] for name in columns} for row in rows], pa.schema(columns))
    connection.register("rows_to_copy", arrow)
    if table == "run":
        connection.execute("create table if not exists control.run as from rows_to_copy limit 0")
        connection.execute("delete from control.run where as_of_date = ?", [run.as_of_date])
        connection.execute("insert into control.run by name from rows_to_copy")
    else:
        connection.execute(f"create or replace table control.{table} as from rows_to_copy")
    connection.unregister("rows_to_copy")

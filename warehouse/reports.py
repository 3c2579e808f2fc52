"""Readable reports: what ran, what came of it, why it stopped, what to do."""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from warehouse.ledger import Delivery, GateResult, Ledger, Run
from warehouse.publish.durable import make_private_folder
from warehouse.publish.pointer import served_run_id
from warehouse.settings import Settings


def write_report(settings: Settings, ledger: Ledger, run_id: str) -> Path:
    """Write ``reports/<run_id>.md`` and copy it to ``reports/latest.md``.

    Parameters
    ----------
    settings : Settings
        Says where reports go.
    ledger : Ledger
        Knows what happened.
    run_id : str
        The run to report on, finished or not.

    Returns
    -------
    Path
        The report.
    """
    text = report(settings, ledger, ledger.run(run_id))
    make_private_folder(settings.reports)
    path = settings.reports / f"{run_id}.md"
    for target in (path, settings.reports / "latest.md"):
        temporary = target.with_name(f".{target.name}.{os.getpid()}")
        temporary.write_text(text, encoding="utf-8")
        temporary.chmod(0o600)
        temporary.replace(target)
    return path


def report(settings: Settings, ledger: Ledger, run: Run) -> str:
    """Return the report of a run as Markdown."""
    deliveries = deliveries_of(ledger, run)
    day = [other for other in ledger.runs_of_day(run.source, run.as_of_date) if other.epoch <= run.epoch]
    sections = [
        f"# {run.source}, {run.as_of_date}: {run.kind} {run.status}",
        _what_ran(run),
        _why_it_stopped(run),
        _deliveries(deliveries),
        _gates(ledger.gate_results(run.run_id)),
        _alarms(ledger, run),
        _the_day(day),
        _what_readers_see(settings, ledger, run),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def deliveries_of(ledger: Ledger, run: Run) -> list[Delivery]:
    """Return the deliveries that an ingest run took or refused; other runs have none."""
    if run.kind != "ingest":
        return []
    return [
        delivery
        for delivery in ledger.deliveries(run.source)
        if delivery.run_id == run.run_id
        or (
            delivery.run_id is None
            and delivery.ingested_at is not None
            and delivery.ingested_at >= run.started_at
            and (run.finished_at is None or delivery.ingested_at <= run.finished_at)
        )
    ]


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table; cells may hold anything."""
    lines = [f"| {' | '.join(header)} |", f"|{'---|' * len(header)}"]
    lines += [f"| {' | '.join(_cell(value) for value in row)} |" for row in rows]
    return "\n".join(lines)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return " ".join(str(value).split()).replace("|", "\\|")


def _what_ran(run: Run) -> str:
    ended = f"ended {run.finished_at:%Y-%m-%d %H:%M:%S} UTC" if run.finished_at else "has not ended"
    began = f"Run `{run.run_id}` ({run.trigger}) began {run.started_at:%Y-%m-%d %H:%M:%S} UTC and {ended}"
    if run.finished_at is None:
        return f"{began}."
    seconds = (run.finished_at - run.started_at).total_seconds()
    return f"{began}, after {seconds:,.0f} s."


def _why_it_stopped(run: Run) -> str:
    if run.status == "superseded":
        return f"## Why it stopped\n\nNothing is wrong: {run.reason}.\n\nNothing needs doing."
    if run.status != "failed":
        return ""
    what, _, remedy = (run.reason or "no reason was recorded").partition(" To do: ")
    remedy = remedy or "look at the task's log, mend the cause, and run the day again; that is safe"
    return f"## Why it stopped\n\n{what}\n\n## What to do\n\n{remedy}\n\nMore: docs/runbook.md"


def _deliveries(deliveries: Sequence[Delivery]) -> str:
    if not deliveries:
        return ""
    reasons: Counter[str] = Counter()
    for delivery in deliveries:
        reasons.update(delivery.quarantine_reasons)
    header = ["delivery", "day", "status", "received", "accepted", "quarantined", "duplicate", "reason"]
    rows: list[Sequence[object]] = [
        (
            delivery.delivery_id,
            delivery.delivery_date,
            delivery.status,
            delivery.rows_received,
            delivery.rows_accepted,
            delivery.rows_quarantined,
            delivery.rows_duplicate,
            delivery.reason,
        )
        for delivery in deliveries
    ]
    totals = [
        sum(int(str(row[column])) for row in rows) for column in range(3, 7)
    ]  # received, accepted, quarantined, duplicate
    rows.append(("**all**", "", "", *totals, ""))
    text = f"## Deliveries\n\n{table(header, rows)}"
    if reasons:
        text += "\n\n## Quarantined rows by reason\n\n" + table(["reason", "rows"], reasons.most_common())
    return text


def _gates(results: Sequence[GateResult]) -> str:
    if not results:
        return ""
    failures = [result for result in results if not result.success]
    gates = Counter((result.gate, result.success) for result in results)
    rows = [
        (gate, gates[gate, True], gates[gate, False], "red" if gates[gate, False] else "green")
        for gate in dict.fromkeys(result.gate for result in results)
    ]
    text = "## Gates\n\n" + table(["gate", "passed", "failed", "light"], rows)
    if failures:
        text += "\n\n### What failed\n\n" + table(
            ["suite", "rule", "column", "found", "expected", "meaning"],
            [
                (
                    result.suite,
                    result.expectation,
                    result.column,
                    result.observed,
                    result.expected,
                    result.message,
                )
                for result in failures
            ],
        )
    return text


def _alarms(ledger: Ledger, run: Run) -> str:
    """Tell what was raised for a scored day, by this run or by an earlier one of the same day."""
    raised = ledger.alarms(run.source, first_day=run.as_of_date, last_day=run.as_of_date)
    if run.kind != "score" or not raised:
        return ""
    rows = [(alarm.kind, alarm.subject, alarm.message, alarm.notification) for alarm in raised]
    return "## Alarms\n\n" + table(["kind", "subject", "message", "told"], rows)


def _the_day(runs: Sequence[Run]) -> str:
    rows = [(run.run_id, run.kind, run.trigger, run.status, run.reason) for run in runs]
    return "## The day so far\n\n" + table(["run", "stage", "trigger", "status", "reason"], rows)


def _what_readers_see(settings: Settings, ledger: Ledger, run: Run) -> str:
    served = served_run_id(settings)
    if served is None:
        return "## What readers see\n\nNothing is published yet."
    current = ledger.find_publish(served)
    as_of = current.as_of_date if current else "an unknown day"
    text = f"## What readers see\n\nRun `{served}`, as of {as_of}, in `{settings.published / 'current'}`."
    own = ledger.find_publish(run.run_id)
    if own is not None and served != run.run_id:
        text += (
            f"\n\nThis run's snapshot is `{settings.published / own.snapshot_path}`; readers were not moved."
        )
    return text

"""Every task's own work, as a function of settings, ledger and day.

The runs that the first task of a DAG opens are kept in a file, as Airflow keeps them for a retry.
"""

import json
from collections.abc import Callable, Sequence
from datetime import date

from warehouse.ledger import Ledger, Run
from warehouse.settings import Settings

Stage = Callable[[Settings, Ledger, date], None]


def ingest(settings: Settings, ledger: Ledger, day: date) -> None:
    """Take what was delivered up to the day."""
    from warehouse.ingest import ingest as ingest_landed
    from warehouse.vault import sync_people

    run = _opened(settings, ledger, "ingest", day)
    report = ingest_landed(settings, ledger, through=day, progress=lambda _line: None)
    assert not report.refused, [outcome.reason for outcome in report.refused]
    sync_people(settings, ledger)
    ledger.finish_run(run)


def gate(name: str, kind: str) -> Stage:
    """Return the stage that checks a gate."""

    def check(settings: Settings, ledger: Ledger, day: date) -> None:
        from expectations.gate import run_gate

        run = _opened(settings, ledger, kind, day)
        run_gate(settings, ledger, run, name, [day], write_docs=False)  # type: ignore[arg-type]

    return check


def build_features(settings: Settings, ledger: Ledger, day: date) -> None:
    """Let dbt build everything up to the features."""
    _dbt(settings, "features", [day], _opened(settings, ledger, "features", day))


def record_built_day(settings: Settings, ledger: Ledger, day: date) -> None:
    """Say that the features passed their gate, and keep the SQL that built them."""
    from warehouse.feature_program.compiling import keep_program

    run = _opened(settings, ledger, "features", day)
    keep_program(settings)
    ledger.record_built_day(run)
    ledger.finish_run(run)


def build_snapshots(settings: Settings, ledger: Ledger, day: date) -> None:
    """Build the past days that training and the watch read, when training is due."""
    from ml.entry import snapshots_missing
    from ml.watch import days_missing
    from warehouse.past_days import build_past_days

    sunday = _training_day(settings, ledger, day)
    read_by = (snapshots_missing, days_missing) if sunday else ()
    missing = sorted({one for find in read_by for one in find(settings, sunday)})
    build_past_days(settings, missing)


def build_labels(settings: Settings, ledger: Ledger, day: date) -> None:
    """Build the training labels, when training is due."""
    sunday = _training_day(settings, ledger, day)
    if sunday:
        _dbt(settings, "labels", [sunday])


def train(settings: Settings, ledger: Ledger, day: date) -> None:
    """Train and register a model, when training is due."""
    from ml.entry import train_model

    sunday = _training_day(settings, ledger, day)
    if sunday:
        run = _opened(settings, ledger, "train", sunday)
        train_model(settings, ledger, sunday)
        ledger.finish_run(run)


def score(settings: Settings, ledger: Ledger, day: date) -> None:
    """Give every eligible user a probability."""
    from ml.entry import score_day
    from ml.uplift.entry import score_uplift

    run = _opened(settings, ledger, "score", day)
    score_day(settings, ledger, run, day)
    score_uplift(settings, ledger, run, day)


def copy_ledger_facts(settings: Settings, ledger: Ledger, day: date) -> None:
    """Bring what the ledger knows into the build file."""
    from warehouse.control_tables import copy_control_tables

    copy_control_tables(settings, ledger, _opened(settings, ledger, "score", day))


def build_risk(settings: Settings, ledger: Ledger, day: date) -> None:
    """Let dbt build tiers and the tables that readers see."""
    _dbt(settings, "risk", [day], _opened(settings, ledger, "score", day))


def choose_actions(settings: Settings, ledger: Ledger, day: date) -> None:
    """Choose who gets what."""
    from campaigns.choose import choose_actions as choose

    choose(settings, _opened(settings, ledger, "score", day), day)


def watch(settings: Settings, ledger: Ledger, day: date) -> None:
    """Look at inputs, scores and past scores, and record alarms; nobody is told."""
    from ml.watch import watch_day
    from warehouse.alarms import raise_alarms

    run = _opened(settings, ledger, "score", day)
    raise_alarms(settings, ledger, run, watch_day(settings, ledger, run, day), notify=False)


def publish(settings: Settings, ledger: Ledger, day: date) -> None:
    """Publish with the last gate's results, and end the run."""
    from warehouse.control_tables import copy_control_tables
    from warehouse.publish import publish as publish_run
    from warehouse.reports import write_report

    run = _opened(settings, ledger, "score", day)
    copy_control_tables(settings, ledger, run)
    publish_run(settings, ledger, run)
    ledger.finish_run(run)
    write_report(settings, ledger, run.run_id)


STAGES: dict[str, Stage] = {
    "ingest": ingest,
    "check_raw_tables": gate("raw", "features"),
    "build_features": build_features,
    "check_features": gate("features", "features"),
    "record_built_day": record_built_day,
    "build_snapshots": build_snapshots,
    "build_labels": build_labels,
    "train": train,
    "score": score,
    "check_scores": gate("scores", "score"),
    "copy_ledger_facts": copy_ledger_facts,
    "build_risk": build_risk,
    "choose_actions": choose_actions,
    "check_risk_tables": gate("risk", "score"),
    "check_campaigns": gate("campaigns", "score"),
    "watch": watch,
    "publish": publish,
}


def _opened(settings: Settings, ledger: Ledger, kind: str, day: date) -> Run:
    """Return the run of a kind that is open for the day; the first to ask begins it."""
    path = settings.home / "line" / f"{kind}-{day}.json"
    if not path.is_file():
        path.parent.mkdir(exist_ok=True)
        half = path.with_suffix(".tmp")
        half.write_text(json.dumps(ledger.begin_run(kind, settings.source, day).run_id))
        half.replace(path)
    run = ledger.run(json.loads(path.read_text()))
    ledger.assert_epoch_current(run)
    return run


def _training_day(settings: Settings, ledger: Ledger, day: date) -> date | None:
    from ml.entry import training_due

    return training_due(settings, ledger, day)


def _dbt(settings: Settings, selector: str, days: Sequence[date], run: Run | None = None) -> None:
    from warehouse.dbt_project import dbt_vars, run_dbt

    variables = dbt_vars(settings, days, run_id=run.run_id if run else "")
    # the DAGs' build runs models, seeds and data tests too, and no unit tests
    arguments = ["build", "--quiet", "--exclude-resource-type", "unit_test", "--selector", selector]
    run_dbt(settings, arguments, variables)

"""After an outage every missed day is scored, tiered and watched; its alarms are recorded and not told."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from dags.wiring import scoring_tasks
from warehouse.errors import DamagedFile, SupersededRun
from warehouse.ledger import Alarm, Ledger, Run
from warehouse.settings import Settings

NEWEST = date(2026, 7, 4)
MISSED = [NEWEST - timedelta(days=2), NEWEST - timedelta(days=1)]


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    monkeypatch.setenv("HOLDFAST_HOME", str(tmp_path))
    # nobody listens there: an attempt to tell would be recorded as failed
    monkeypatch.setenv("HOLDFAST_ALARM_URL", "http://127.0.0.1:9/alarms")
    with Ledger.open(Settings.from_environment()) as opened:
        yield opened


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, date]]:
    """What was done to which day, in order; the watch alarms about drift on every day."""
    steps: list[tuple[str, date]] = []

    def does(step: str) -> Any:
        return lambda _settings, _ledger, run, *_more, **_named: steps.append((step, run.as_of_date))

    def watch(_settings: Settings, _ledger: Ledger, run: Run, day: date, **_named: Any) -> list[Alarm]:
        steps.append(("watch", run.as_of_date))
        return [Alarm(run.source, day, "feature_drift", "paid_orders_30d", "it moved")]

    monkeypatch.setattr("ml.entry.score_day", does("score"))
    monkeypatch.setattr("ml.watch.watch_day", watch)
    monkeypatch.setattr("warehouse.control_tables.copy_control_tables", does("copy"))
    monkeypatch.setattr("warehouse.dbt_project.dbt_vars", lambda _settings, days, run_id: days)
    monkeypatch.setattr(
        "warehouse.dbt_project.run_dbt", lambda _settings, _command, days: steps.append(("tier", days[0]))
    )
    monkeypatch.setattr(
        "expectations.gate.run_gate",
        lambda _settings, _ledger, run, name, _days: steps.append((f"gate {name}", run.as_of_date)),
    )
    return steps


def opened(ledger: Ledger) -> list[dict[str, str]]:
    """Begin the runs of two missed days and of the newest one."""
    runs = [ledger.begin_run("score", "sample_shop", day) for day in (*MISSED, NEWEST)]
    return [{"run_id": run.run_id, "as_of_date": run.as_of_date.isoformat(), "kind": "score"} for run in runs]


def catch_up(runs: list[dict[str, str]]) -> Any:
    return scoring_tasks.catch_up_missed_days.function(runs)


def test_missed_days_are_scored_tiered_and_watched_in_order_and_the_newest_is_left(
    ledger: Ledger, done: list[tuple[str, date]]
) -> None:
    runs = opened(ledger)
    assert catch_up(runs) == runs[-1:]
    order = ("score", "gate scores", "copy", "tier", "gate risk", "watch")
    assert done == [(step, day) for day in MISSED for step in order]
    assert [ledger.run(run["run_id"]).status for run in runs] == ["succeeded", "succeeded", "running"]


def test_alarms_of_missed_days_are_recorded_and_nobody_is_told(
    ledger: Ledger, done: list[tuple[str, date]]
) -> None:
    catch_up(opened(ledger))
    found = [(one.as_of_date, one.kind, one.notification) for one in ledger.alarms("sample_shop")]
    assert found == [(day, "feature_drift", "not_asked") for day in MISSED]
    assert len(done) > 0


def test_a_watch_that_fails_is_an_alarm_and_keeps_no_day_back(
    ledger: Ledger, done: list[tuple[str, date]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_all: Any, **_named: Any) -> None:
        raise DamagedFile("The model's signature does not verify", "churn-1", "restore it")

    monkeypatch.setattr("ml.watch.watch_day", fails)
    runs = opened(ledger)
    assert catch_up(runs) == runs[-1:]
    assert [day for step, day in done if step == "gate risk"] == MISSED
    assert [(one.as_of_date, one.kind) for one in ledger.alarms("sample_shop")] == [
        (day, "watch_failed") for day in MISSED
    ]


def test_a_run_that_was_overtaken_while_it_watched_stops(
    ledger: Ledger, done: list[tuple[str, date]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def overtaken(*_all: Any, **_named: Any) -> None:
        raise SupersededRun("A newer run of the day has begun", "run", "let it finish")

    monkeypatch.setattr("ml.watch.watch_day", overtaken)
    with pytest.raises(SupersededRun):
        catch_up(opened(ledger))
    assert [day for step, day in done if step == "score"] == MISSED[:1]
    assert ledger.alarms("sample_shop") == ()

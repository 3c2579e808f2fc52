"""Alarms are told once, a failed watch is an alarm, and training is asked for by the run that was first."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from dags.wiring import announce as announcing
from dags.wiring import training_tasks, watch_tasks
from dags.wiring.assets import RETRAINING_WANTED
from warehouse.errors import SupersededRun
from warehouse.ledger import Ledger, Model, Run
from warehouse.settings import Settings

DAY = date(2026, 7, 1)
SUNDAY = date(2026, 6, 28)
DRIFT = {"kind": "feature_drift", "subject": "paid_orders_30d", "message": "it moved"}
STALE = {"kind": "freshness", "subject": "paid_order", "message": "3 days old"}


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    monkeypatch.setenv("HOLDFAST_HOME", str(tmp_path))
    monkeypatch.delenv("HOLDFAST_ALARM_URL", raising=False)
    with Ledger.open(Settings.from_environment()) as opened:
        yield opened


@pytest.fixture
def context(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The context that every task of this test finds; tests change it."""
    pushed: dict[str, Any] = {"watch_model": [], "check_risk_tables": {"rules": 3}}
    found: dict[str, Any] = {
        "params": {"announce": True, "as_of_date": None},
        "ti": SimpleNamespace(xcom_pull=lambda task_ids: pushed[task_ids]),
        "pushed": pushed,
        "outlet_events": {RETRAINING_WANTED: SimpleNamespace(extra=None)},
        "dag_run": SimpleNamespace(run_type="asset_triggered"),
    }
    for module in (watch_tasks, announcing, training_tasks):
        monkeypatch.setattr(module, "get_current_context", lambda: found)
    return found


def scored(ledger: Ledger, day: date = DAY) -> list[dict[str, str]]:
    """Begin a run of a day and pin a model to it, as the tasks before do."""
    settings = Settings.from_environment()
    model = Model("churn-1", "sample_shop", SUNDAY, settings.horizon_days, "boosted_trees", "challenger", "p")
    ledger.record_model(model)
    run: Run = ledger.begin_run("score", "sample_shop", day)
    ledger.use_model("sample_shop", day, settings.definition_id, "churn-1", run.run_id)
    return [{"run_id": run.run_id, "as_of_date": day.isoformat(), "kind": "score"}]


def tell(opened: list[dict[str, str]]) -> int:
    return int(watch_tasks.tell_alarms.function(opened))


def announced(context: dict[str, Any], opened: list[dict[str, str]]) -> Any:
    context["outlet_events"][RETRAINING_WANTED].extra = None
    watch_tasks.announce_retraining.function(opened)
    return context["outlet_events"][RETRAINING_WANTED].extra


def kinds(ledger: Ledger) -> list[str]:
    return [alarm.kind for alarm in ledger.alarms("sample_shop")]


def test_an_alarm_about_the_model_is_recorded_and_announced_with_its_day(
    ledger: Ledger, context: dict[str, Any]
) -> None:
    opened = scored(ledger)
    context["pushed"]["watch_model"] = [DRIFT]
    assert tell(opened) == 2
    assert kinds(ledger) == ["feature_drift", "retraining_wanted"]
    assert announced(context, opened) == {"as_of_dates": ["2026-07-01"], "run_ids": [opened[0]["run_id"]]}


@pytest.mark.parametrize("alarms", [[], [STALE]])
def test_without_an_alarm_about_the_model_no_training_is_announced(
    ledger: Ledger, context: dict[str, Any], alarms: list[dict[str, str]]
) -> None:
    opened = scored(ledger)
    context["pushed"]["watch_model"] = alarms
    assert tell(opened) == len(alarms)
    with pytest.raises(AirflowSkipException):
        announced(context, opened)


def test_a_replay_records_its_alarms_and_never_asks_for_training(
    ledger: Ledger, context: dict[str, Any]
) -> None:
    context["params"]["announce"] = False
    opened = scored(ledger)
    context["pushed"]["watch_model"] = [DRIFT]
    tell(opened)
    assert kinds(ledger) == ["feature_drift"]
    with pytest.raises(AirflowSkipException):
        announced(context, opened)


def test_a_day_run_again_announces_no_second_training(ledger: Ledger, context: dict[str, Any]) -> None:
    context["pushed"]["watch_model"] = [DRIFT]
    first = scored(ledger)
    tell(first)
    assert announced(context, first)
    again = scored(ledger)
    assert tell(again) == 0
    with pytest.raises(AirflowSkipException):
        announced(context, again)


def test_a_task_tried_again_announces_what_it_could_not(ledger: Ledger, context: dict[str, Any]) -> None:
    context["pushed"]["watch_model"] = [DRIFT]
    opened = scored(ledger)
    tell(opened)
    assert tell(opened) == 0
    assert announced(context, opened)


def test_an_alarm_that_stands_for_days_trains_once(ledger: Ledger, context: dict[str, Any]) -> None:
    context["pushed"]["watch_model"] = [DRIFT]
    trained = []
    for number in range(10):
        opened = scored(ledger, DAY + timedelta(days=number))
        tell(opened)
        try:
            trained.append(announced(context, opened))
        except AirflowSkipException:
            continue
    assert [event["as_of_dates"] for event in trained] == [["2026-07-01"]]


def test_a_watch_that_failed_is_an_alarm_and_asks_for_no_training(
    ledger: Ledger, context: dict[str, Any]
) -> None:
    context["pushed"]["watch_model"] = None
    assert tell(scored(ledger)) == 1
    assert kinds(ledger) == ["watch_failed"]


def test_behind_a_red_gate_there_is_nothing_to_tell(ledger: Ledger, context: dict[str, Any]) -> None:
    context["pushed"] |= {"watch_model": None, "check_risk_tables": None}
    assert tell(scored(ledger)) == 0
    assert kinds(ledger) == []


def test_a_run_that_was_overtaken_tells_nothing(ledger: Ledger, context: dict[str, Any]) -> None:
    older = scored(ledger)
    scored(ledger)
    context["pushed"]["watch_model"] = [DRIFT]
    with pytest.raises(SupersededRun):
        tell(older)
    assert kinds(ledger) == []


@pytest.mark.parametrize(
    ("asked", "event", "expected"),
    [
        pytest.param(None, "2026-07-01", DAY, id="an alarm is trained on its own day"),
        pytest.param("2026-07-01", None, SUNDAY, id="a day asked for by hand goes back to its Sunday"),
        pytest.param(None, None, date(2026, 6, 21), id="the clock trains on the last built week"),
    ],
)
def test_the_day_that_training_stands_on(
    ledger: Ledger, context: dict[str, Any], asked: str | None, event: str | None, expected: date
) -> None:
    ledger.record_built_day(ledger.begin_run("features", "sample_shop", date(2026, 6, 24)))
    context["params"]["as_of_date"] = asked
    happened = [SimpleNamespace(extra={"as_of_dates": [event]})] if event else []
    context["triggering_asset_events"] = {RETRAINING_WANTED: happened}
    (opened,) = training_tasks.open_training_run.function()
    assert opened["as_of_date"] == expected.isoformat()

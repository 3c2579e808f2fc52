"""What the scheduler calls after the tiers: rows written, alarms returned, training asked for once."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

import ml.watch
from ml.finding import Finding
from ml.tables import HEALTH, HEALTH_COLUMNS
from ml.watch import days_missing, retraining_wanted, standing_alarms, watch_day
from tests.ml.makers import make_build
from warehouse.connections import open_build
from warehouse.errors import ContractBreach, SupersededRun
from warehouse.ledger import Alarm, Ledger, Model, Run
from warehouse.settings import Settings

DAY = date(2026, 6, 30)
OLD = Finding("model_age", "boosted_trees", 57, None, 56, True, 1, "The model is 57 days old.")
FINE = Finding("freshness", "paid_order", 1, None, 3, False, 10, "The newest is a day old.")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.from_environment({"HOLDFAST_HOME": str(tmp_path), "HOLDFAST_SOURCE": "sample_shop"})


@pytest.fixture
def ledger(settings: Settings) -> Iterator[Ledger]:
    with Ledger.open(settings) as opened:
        yield opened


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Stand in for the model and its checks, and keep what they were asked."""
    heard = SimpleNamespace(findings=[OLD, FINE], arguments={})

    def watch(_connection: Any, **arguments: Any) -> pd.DataFrame:
        heard.arguments = arguments
        rows = [vars(finding) | {"model_version": "churn-1"} for finding in heard.findings]
        frame = pd.DataFrame(rows).assign(
            as_of_date=arguments["as_of_date"], definition_id="paid_order_90d", run_id=arguments["run_id"]
        )
        return frame[list(HEALTH_COLUMNS)]

    monkeypatch.setattr(ml.watch, "watch", watch)
    monkeypatch.setattr(ml.watch, "load_model", lambda version, _models: f"model {version}")
    monkeypatch.setattr(
        ml.watch, "load_metadata", lambda _version, _models: {"training_snapshots": ["2026-03-30"]}
    )
    return heard


def scored(ledger: Ledger, settings: Settings, day: date = DAY, model: str = "churn-1") -> Run:
    ledger.record_model(
        Model(
            model,
            settings.source,
            day,
            settings.horizon_days,
            "boosted_trees",
            "challenger",
            model,
            definition_id=settings.definition_id,
        )
    )
    run = ledger.begin_run("score", settings.source, day)
    ledger.use_model(settings.source, day, settings.definition_id, model, run.run_id)
    return run


def test_the_rows_are_written_and_the_alarms_returned(
    settings: Settings, ledger: Ledger, asked: SimpleNamespace
) -> None:
    run = scored(ledger, settings)
    alarms = watch_day(settings, ledger, run, DAY)
    assert alarms == [Alarm("sample_shop", DAY, "model_age", "boosted_trees", OLD.message)]
    assert asked.arguments["model"] == "model churn-1"
    assert asked.arguments["training_snapshots"] == [date(2026, 3, 30)]
    assert asked.arguments["definition"].definition_id == settings.definition_id
    assert asked.arguments["freshness_days"] == 2
    with open_build(settings) as connection:
        rows = connection.execute(
            f"select check_kind, is_alarm, run_id from {HEALTH} order by all"
        ).fetchall()
    assert rows == [("freshness", False, run.run_id), ("model_age", True, run.run_id)]


def test_a_day_watched_again_replaces_its_rows_and_no_others(
    settings: Settings, ledger: Ledger, asked: SimpleNamespace
) -> None:
    before = DAY - timedelta(days=1)
    watch_day(settings, ledger, scored(ledger, settings, before), before)
    watch_day(settings, ledger, scored(ledger, settings), DAY)
    asked.findings = [FINE]
    again = scored(ledger, settings)
    assert watch_day(settings, ledger, again, DAY) == []
    with open_build(settings) as connection:
        rows = connection.execute(
            f"select as_of_date, count(*) from {HEALTH} group by all order by all"
        ).fetchall()
    assert rows == [(before, 2), (DAY, 1)]


def test_a_run_that_was_overtaken_writes_nothing(
    settings: Settings, ledger: Ledger, asked: SimpleNamespace
) -> None:
    run = scored(ledger, settings)
    scored(ledger, settings)
    with pytest.raises(SupersededRun):
        watch_day(settings, ledger, run, DAY)
    assert not settings.build_file.exists()


def test_a_day_that_was_not_scored_is_refused(
    settings: Settings, ledger: Ledger, asked: SimpleNamespace
) -> None:
    run = ledger.begin_run("score", settings.source, DAY)
    with pytest.raises(ContractBreach, match="was not scored"):
        watch_day(settings, ledger, run, DAY)


@pytest.mark.parametrize(
    ("first_data_day", "expected"),
    [
        pytest.param(
            date(2025, 1, 1), 15, id="a fortnight around the snapshot less what is built, and the day itself"
        ),
        pytest.param(date(2026, 1, 31), 13, id="days with too little history before them are left out"),
        pytest.param(date(2026, 2, 6), 0, id="no snapshot can be learnt from"),
    ],
)
def test_the_days_that_the_watch_compares_with_are_built_once(
    settings: Settings, first_data_day: date, expected: int
) -> None:
    newest = DAY - timedelta(days=settings.horizon_days)
    with open_build(settings) as connection:
        make_build(connection, [newest], 5)
        connection.execute(
            "update intermediate.int_user_days set activity_date = ?, known_on = ?", [first_data_day] * 2
        )
    missing = days_missing(settings, DAY)
    assert len(missing) == expected
    assert newest not in missing
    assert all(abs((day - newest).days) <= 7 or day == DAY for day in missing)


def test_before_the_first_delivery_no_day_is_missing(settings: Settings) -> None:
    assert days_missing(settings, DAY) == []


def alarm(kind: str = "feature_drift", day: date = DAY) -> Alarm:
    return Alarm("sample_shop", day, kind, "paid_orders_30d", "it moved")


def wanted(settings: Settings, ledger: Ledger, day: date, *alarms: Alarm) -> Alarm | None:
    """Ask as the DAG does: what is wanted is recorded."""
    found = retraining_wanted(settings, ledger, day, list(alarms))
    if found:
        ledger.record_alarms([found])
    return found


@pytest.mark.parametrize(
    ("kind", "trains"),
    [
        ("feature_drift", True),
        ("score_drift", True),
        ("calibration", True),
        ("lift", True),
        ("model_age", True),
        ("tier_share", False),
        ("freshness", False),
    ],
)
def test_alarms_about_the_model_ask_for_training_and_others_do_not(
    settings: Settings, ledger: Ledger, kind: str, trains: bool
) -> None:
    scored(ledger, settings)
    found = wanted(settings, ledger, DAY, alarm(kind))
    assert (found is not None) is trains
    if found:
        assert (found.kind, found.subject, found.as_of_date) == ("retraining_wanted", "churn-1", DAY)
        assert f"{kind} of paid_orders_30d" in found.message


def test_a_quiet_day_asks_for_nothing(settings: Settings, ledger: Ledger) -> None:
    scored(ledger, settings)
    assert wanted(settings, ledger, DAY) is None


def test_a_model_is_asked_for_once_however_long_the_alarm_stands(settings: Settings, ledger: Ledger) -> None:
    for number in range(40):
        day = DAY + timedelta(days=number)
        scored(ledger, settings, day)
        found = wanted(settings, ledger, day, alarm(day=day))
        assert (found is not None) is (number == 0)


def test_the_same_day_run_again_asks_for_the_same(settings: Settings, ledger: Ledger) -> None:
    scored(ledger, settings)
    first = wanted(settings, ledger, DAY, alarm())
    assert first is not None
    assert wanted(settings, ledger, DAY, alarm()) == first
    assert len(ledger.alarms("sample_shop", kind="retraining_wanted")) == 1


def test_successors_that_alarm_too_are_asked_for_once_a_week_at_most(
    settings: Settings, ledger: Ledger
) -> None:
    asked_on = []
    for number in range(15):
        day = DAY + timedelta(days=number)
        scored(ledger, settings, day, model=f"churn-{number}")
        if wanted(settings, ledger, day, alarm(day=day)):
            asked_on.append(number)
    assert asked_on == [0, 7, 14]


def test_standing_alarms_are_those_of_the_week_about_the_model(settings: Settings, ledger: Ledger) -> None:
    week_ago = alarm(day=DAY - timedelta(days=7))
    recent = alarm(day=DAY - timedelta(days=6))
    tomorrow = alarm(day=DAY + timedelta(days=1))
    stale = replace(alarm("freshness"), subject="paid_order")
    ledger.record_alarms([week_ago, recent, tomorrow, stale])
    found = standing_alarms(ledger, "sample_shop", DAY)
    assert [(one.kind, one.as_of_date) for one in found] == [("feature_drift", DAY - timedelta(days=6))]

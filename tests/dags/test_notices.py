"""The notifiers and the digest's schedule, as Airflow calls them."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import BaseNotifier, CronTriggerTimetable

from dags.wiring.defaults import DEFAULT_ARGS
from dags.wiring.failures import report_failure
from dags.wiring.notices import TellEngineers, TellServiceTeam, daily_at
from tests.warehouse.notices.makers import alert
from tests.warehouse.notices.receivers import WebReceiver, web_receiver
from warehouse import alarms
from warehouse.errors import GateFailure, SettingsError
from warehouse.ledger import Ledger
from warehouse.settings import Settings

DAY = date(2026, 6, 1)


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WebReceiver]:
    monkeypatch.setattr(alarms, "PAUSES_SECONDS", ())
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("HOLDFAST_HOME", str(tmp_path))
    with web_receiver() as receiver:
        monkeypatch.setenv("HOLDFAST_NOTICE_ENGINEERS_WEBHOOK_URL", f"{receiver.url}/engineers")
        monkeypatch.setenv("HOLDFAST_NOTICE_SERVICE_WEBHOOK_URL", f"{receiver.url}/service")
        yield receiver


@pytest.fixture
def ledger(web: WebReceiver) -> Iterator[Ledger]:
    with Ledger.open(Settings.from_environment()) as opened:
        yield opened


def failed_task(run_id: str, exception: BaseException | None) -> dict[str, Any]:
    opened = [{"run_id": run_id, "as_of_date": DAY.isoformat(), "kind": "features"}]
    ti = SimpleNamespace(
        dag_id="build_user_features",
        task_id="check_features",
        run_id="manual__1",
        try_number=2,
        xcom_pull=lambda task_ids: opened,
    )
    return {"ti": ti, "exception": exception}


def test_every_task_reports_and_then_tells_people() -> None:
    report, notifier = DEFAULT_ARGS["on_failure_callback"]
    assert report is report_failure
    assert isinstance(notifier, BaseNotifier)


def test_a_task_that_failed_is_told_once_with_its_day(ledger: Ledger, web: WebReceiver) -> None:
    run = ledger.begin_run("features", "sample_shop", DAY)
    context = failed_task(run.run_id, GateFailure("The features gate is closed", "0 rows", "ask the shop"))
    for callback in [*DEFAULT_ARGS["on_failure_callback"], TellEngineers()]:
        callback(context)
    assert ledger.run(run.run_id).status == "failed"
    (body,) = web.bodies("/engineers")
    assert body["title"] == "build_user_features.check_features failed, as of 2026-06-01"
    assert "Why: The features gate is closed" in body["lines"]
    assert "try 2" in body["lines"][1]


def test_a_receiver_that_is_down_fails_no_callback(ledger: Ledger, web: WebReceiver) -> None:
    web.code = 503
    run = ledger.begin_run("features", "sample_shop", DAY)
    TellEngineers()(failed_task(run.run_id, None))
    assert len(ledger.waiting_notices("sample_shop")) == 1


def test_the_service_team_is_told_of_alerts_through_a_notifier(ledger: Ledger, web: WebReceiver) -> None:
    run = ledger.begin_run("refresh", "sample_shop", DAY)
    TellServiceTeam(run.run_id, [alert(1), alert(2, "tier_rose")])({})
    assert sorted(body["subject"] for body in web.bodies("/service")) == ["complaint", "tier_rose"]
    assert web.bodies("/engineers") == []


def test_the_digest_comes_at_the_hour_that_is_set() -> None:
    asked = CronTriggerTimetable("30 7 * * *", timezone="Europe/London")
    assert daily_at(" 07:30 Europe/London ") == asked
    assert daily_at("07:30") == CronTriggerTimetable("30 7 * * *", timezone="UTC") != asked


@pytest.mark.parametrize("text", ["", "eight", "25:00 UTC", "08:61", "08:00 Atlantis", "08"])
def test_an_hour_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="HOLDFAST_NOTICE_DIGEST_AT"):
        daily_at(text)

import asyncio
import datetime as dt
from pathlib import Path

import pytest

from dags.wiring.deadline import NextPull, next_pull, say_list_is_late
from warehouse.errors import SettingsError
from warehouse.ledger import Ledger
from warehouse.settings import Settings


def utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("now", "needed_by", "expected"),
    [
        ("2026-01-05T05:00", "07:00 UTC", "2026-01-05T07:00"),
        ("2026-01-05T07:00", "07:00 UTC", "2026-01-06T07:00"),
        ("2026-07-01T05:00", "07:00 Europe/London", "2026-07-01T06:00"),
        ("2026-01-05T22:00", "07:00 Asia/Shanghai", "2026-01-05T23:00"),
        ("2026-01-05T05:00", "07:00", "2026-01-05T07:00"),
        # clocks go forward in the night: 07:00 comes an hour earlier
        ("2026-03-28T12:00", "07:00 Europe/Berlin", "2026-03-29T05:00"),
    ],
)
def test_the_list_is_needed_at_the_next_pull(now: str, needed_by: str, expected: str) -> None:
    assert next_pull(utc(now), needed_by) == utc(expected)


@pytest.mark.parametrize("needed_by", ["7 o'clock", "25:00 UTC", "07:00 Nowhere/Land", "07:00:00 UTC", ""])
def test_an_hour_that_is_none_is_refused_by_name(needed_by: str) -> None:
    with pytest.raises(SettingsError, match="HOLDFAST_LIST_NEEDED_BY"):
        next_pull(utc("2026-01-05T05:00"), needed_by)


def test_airflow_knows_the_deadline_by_its_entry_point() -> None:
    from airflow import plugins_manager

    assert NextPull in plugins_manager.get_deadline_references_plugins().values()


@pytest.mark.parametrize(
    ("run_type", "told"), [("asset_triggered", True), ("backfill", False), ("manual", False)]
)
def test_a_late_list_is_written_down_and_a_late_replay_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_type: str, told: bool
) -> None:
    monkeypatch.setenv("HOLDFAST_HOME", str(tmp_path))
    # nobody listens there: the notice waits in the ledger
    monkeypatch.setenv("HOLDFAST_NOTICE_ENGINEERS_WEBHOOK_URL", "http://127.0.0.1:9/x")
    run = {"dag_id": "score_churn_risk", "dag_run_id": "asset_1", "run_type": run_type}
    for _ in range(2):
        asyncio.run(say_list_is_late({"dag_run": run}))
    settings = Settings.from_environment()
    with Ledger.open(settings) as ledger:
        notices = ledger.notices(settings.source, "late_list", "score_churn_risk")
    assert [one.audience for one in notices] == (["engineers"] if told else [])
    late = tmp_path / "reports" / "late.md"
    assert late.is_file() is told
    if told:
        assert "docs/runbook.md#score_churn_risk" in late.read_text()
        assert "07:00 UTC" in notices[0].payload

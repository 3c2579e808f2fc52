"""A refreshed list is published like any other, never takes its daily list away, and decides nothing."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from campaigns.launch_checks import check_may_send
from tests.warehouse.publish.tiny_build import begin_and_build, fast_home, tiny_settings
from warehouse.errors import ContractBreach, DamagedFile
from warehouse.ledger import Ledger, Run
from warehouse.publish import (
    Published,
    check,
    current_snapshot,
    daily_snapshot,
    publish,
    read_manifest,
    rollback,
    served_run_id,
)
from warehouse.publish.manifest import DATABASE_NAME, MANIFEST_NAME
from warehouse.publish.pointer import snapshots_folder
from warehouse.publish.restore import history_tables
from warehouse.publish.snapshot import Written
from warehouse.settings import Settings


@pytest.fixture
def settings() -> Iterator[Settings]:
    with fast_home() as home:
        yield tiny_settings(home, intraday_kept=2, snapshots_kept=3)


@pytest.fixture
def ledger(settings: Settings) -> Iterator[Ledger]:
    with Ledger.open(settings) as opened:
        yield opened


def publish_day(settings: Settings, ledger: Ledger, day_number: int = 0) -> Published:
    run = begin_and_build(settings, ledger, day_number)
    return publish(settings, ledger, run)


def refresh(settings: Settings, ledger: Ledger) -> Published:
    """Publish a copy of the daily list, as a refresh does."""
    base = daily_snapshot(settings)
    manifest = read_manifest(base)

    def copy(_settings: Settings, _run: Run, folder: Path) -> Written:
        for path in base.iterdir():
            if path.name != MANIFEST_NAME:
                shutil.copyfile(path, folder / path.name)
        return Written(manifest.tables, manifest.model_version)

    run = ledger.begin_run("refresh", settings.source, manifest.as_of_date)
    return publish(settings, ledger, run, write=copy, derived_from=base.name)


def test_readers_see_a_refreshed_list_and_the_next_daily_one_overtakes_it(
    settings: Settings, ledger: Ledger
) -> None:
    daily = publish_day(settings, ledger)
    refreshed = refresh(settings, ledger)
    assert refreshed.pointer_moved and refreshed.as_of_date == daily.as_of_date
    assert check(settings).run_id == refreshed.run_id
    assert read_manifest(refreshed.path).derived_from == daily.run_id
    assert daily_snapshot(settings).name == daily.run_id
    again = publish_day(settings, ledger)
    assert served_run_id(settings) == again.run_id
    tomorrow = publish_day(settings, ledger, 1)
    assert served_run_id(settings) == tomorrow.run_id == daily_snapshot(settings).name


def test_a_rollback_from_a_refreshed_list_reaches_the_daily_one(settings: Settings, ledger: Ledger) -> None:
    daily = publish_day(settings, ledger)
    refresh(settings, ledger)
    assert rollback(settings, ledger, daily.run_id).pointer_moved
    assert current_snapshot(settings).name == daily.run_id


def test_a_day_of_refreshes_pushes_no_daily_list_out(settings: Settings, ledger: Ledger) -> None:
    dailies = [publish_day(settings, ledger, number).run_id for number in range(3)]
    refreshes = [refresh(settings, ledger).run_id for _ in range(6)]
    kept = {folder.name for folder in snapshots_folder(settings).iterdir()}
    assert kept == {*dailies, *refreshes[-2:]}


def test_the_daily_list_behind_the_served_one_stays_however_few_are_kept(
    settings: Settings, ledger: Ledger
) -> None:
    first = publish_day(settings, ledger)
    publish_day(settings, ledger, 1)
    rollback(settings, ledger, first.run_id)
    one_of_each = tiny_settings(settings.home, intraday_kept=1, snapshots_kept=1)
    refreshed = refresh(one_of_each, ledger)
    assert served_run_id(settings) == refreshed.run_id
    assert daily_snapshot(settings).name == first.run_id


def test_a_missing_daily_list_is_said_with_what_to_do(settings: Settings, ledger: Ledger) -> None:
    daily = publish_day(settings, ledger)
    refresh(settings, ledger)
    shutil.rmtree(daily.path)
    with pytest.raises(DamagedFile, match=r"is gone.*make run"):
        daily_snapshot(settings)


def test_memory_comes_back_from_the_daily_list_and_not_from_a_refreshed_one(
    settings: Settings, ledger: Ledger
) -> None:
    publish_day(settings, ledger)
    refreshed = refresh(settings, ledger)
    for path in refreshed.path.iterdir():
        path.chmod(0o600)
        path.write_bytes(b"not what a day remembers")
    with duckdb.connect() as connection:
        assert history_tables(settings, connection)["risk.user_risk_tiers_history"] == 5


def campaign_run(ledger: Ledger, settings: Settings, daily: Published) -> Run:
    return ledger.begin_run("campaigns", settings.source, daily.as_of_date, trigger="asset_triggered")


def test_a_refreshed_list_starts_no_campaign_and_the_daily_one_behind_it_still_may(
    settings: Settings, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("campaigns.launch_checks._shop_day", lambda _source, now: now.date())
    daily = publish_day(settings, ledger)
    refreshed = refresh(settings, ledger)
    run = campaign_run(ledger, settings, daily)
    midnight = datetime(daily.as_of_date.year, daily.as_of_date.month, daily.as_of_date.day, tzinfo=UTC)
    now = midnight + timedelta(hours=30)
    with pytest.raises(ContractBreach, match="decides nothing"):
        check_may_send(settings, ledger, run, refreshed.path, read_manifest(refreshed.path), now=now)
    check_may_send(settings, ledger, run, daily.path, read_manifest(daily.path), now=now)


def test_a_refreshed_database_can_be_opened_by_readers(settings: Settings, ledger: Ledger) -> None:
    publish_day(settings, ledger)
    refreshed = refresh(settings, ledger)
    with duckdb.connect(str(refreshed.path / DATABASE_NAME), read_only=True) as connection:
        assert connection.execute("select count(*) from at_risk_users").fetchall() == [(3,)]

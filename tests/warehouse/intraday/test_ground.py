"""What a refresh stands on, and when it must stand aside."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from dags.wiring.refreshing import refresh
from tests.warehouse.publish.tiny_build import FIRST_DAY, begin_and_build, fast_home, tiny_settings
from warehouse.connections import writer_lock
from warehouse.errors import ContractBreach
from warehouse.intraday import NotNow, find_ground
from warehouse.ledger import Delivery, Ledger
from warehouse.publish import publish
from warehouse.settings import Settings

DAY_AFTER = FIRST_DAY + timedelta(days=1)


@pytest.fixture
def settings() -> Iterator[Settings]:
    with fast_home() as home:
        yield tiny_settings(home)


@pytest.fixture
def ledger(settings: Settings) -> Iterator[Ledger]:
    with Ledger.open(settings) as opened:
        yield opened


def publish_day(settings: Settings, ledger: Ledger) -> None:
    run = begin_and_build(settings, ledger)
    features = ledger.begin_run("features", settings.source, FIRST_DAY)
    ledger.record_built_day(features)
    ledger.finish_run(features)
    publish(settings, ledger, run)
    ledger.finish_run(run)


def deliver(
    ledger: Ledger, settings: Settings, name: str, known_on: object, status: str = "accepted"
) -> None:
    (number,) = ledger.next_delivery_numbers(1)
    delivery = Delivery(
        delivery_id=name,
        delivery_number=number,
        source=settings.source,
        delivery_date=FIRST_DAY,
        known_on=known_on,  # type: ignore[arg-type]
        status=status,
        rows_received=1,
        rows_accepted=1,
        rows_quarantined=0,
        rows_duplicate=0,
    )
    ledger.record_deliveries([(delivery, [])])


def test_without_a_list_there_is_nothing_to_refresh(settings: Settings, ledger: Ledger) -> None:
    with pytest.raises(NotNow, match="no list to refresh"):
        find_ground(settings, ledger)


def test_what_is_known_after_the_list_is_what_a_refresh_looks_at(settings: Settings, ledger: Ledger) -> None:
    publish_day(settings, ledger)
    deliver(ledger, settings, "with-the-list", FIRST_DAY)
    assert find_ground(settings, ledger).refresh_day == FIRST_DAY
    deliver(ledger, settings, "late", DAY_AFTER)
    deliver(ledger, settings, "refused", DAY_AFTER + timedelta(days=1), "refused")
    ground = find_ground(settings, ledger)
    assert [one.delivery_id for one in ground.deliveries] == ["late"]
    assert (ground.base.as_of_date, ground.refresh_day) == (FIRST_DAY, DAY_AFTER)


@pytest.mark.parametrize("kind", ["ingest", "features", "score"])
def test_a_daily_run_comes_first(settings: Settings, ledger: Ledger, kind: str) -> None:
    publish_day(settings, ledger)
    run = ledger.begin_run(kind, settings.source, DAY_AFTER)
    with pytest.raises(NotNow, match=rf"{run.run_id}.*under way"):
        find_ground(settings, ledger)
    ledger.fail_run(run, "a red gate")
    find_ground(settings, ledger)


def test_a_run_that_was_killed_long_ago_holds_nobody_up(settings: Settings, ledger: Ledger) -> None:
    publish_day(settings, ledger)
    ledger.begin_run("score", settings.source, DAY_AFTER)
    now = ledger.clock()
    ledger.clock = lambda: now + timedelta(hours=7)  # type: ignore[method-assign]
    assert find_ground(settings, ledger).base.as_of_date == FIRST_DAY


def test_a_day_that_is_built_and_not_published_comes_first(settings: Settings, ledger: Ledger) -> None:
    publish_day(settings, ledger)
    features = ledger.begin_run("features", settings.source, DAY_AFTER)
    ledger.record_built_day(features)
    ledger.finish_run(features)
    with pytest.raises(NotNow, match=f"{DAY_AFTER} is built and not published"):
        find_ground(settings, ledger)


def test_a_busy_writer_costs_the_round_and_says_who_has_it(
    settings: Settings, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_day(settings, ledger)
    monkeypatch.setattr("warehouse.ingest.run.load_source", lambda *_names: sample_shop_source())
    asking = replace(settings, source=settings.source)
    before = len(ledger.recent_runs(settings.source))
    with writer_lock(settings), pytest.raises(NotNow, match=r"left out.*already being written"):
        refresh(asking, ledger, progress=lambda _line: None)
    assert len(ledger.recent_runs(settings.source)) == before


def sample_shop_source() -> object:
    from warehouse.sources import load_source

    return load_source("sample_shop")


@pytest.mark.parametrize("trigger", ["backfill", "replay"])
def test_the_past_raises_no_alerts(settings: Settings, ledger: Ledger, trigger: str) -> None:
    publish_day(settings, ledger)
    with pytest.raises(ContractBreach, match="raises no alerts"):
        refresh(settings, ledger, trigger=trigger)

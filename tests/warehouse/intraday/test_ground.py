"""What a refresh stands on, and when it must stand aside."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from tests.warehouse.intraday.published_day import DAY_AFTER, empty_home, publish_day
from tests.warehouse.publish.tiny_build import FIRST_DAY
from warehouse.intraday import NotNow, find_ground, ground
from warehouse.ledger import Delivery, Ledger
from warehouse.publish.tables import PUBLISHED_TABLES, PublishedTable
from warehouse.settings import Settings

Home = tuple[Settings, Ledger]


@pytest.fixture
def home() -> Iterator[Home]:
    with empty_home() as opened:
        yield opened


def deliver(home: Home, name: str, known_on: date, status: str = "accepted") -> None:
    settings, ledger = home
    (number,) = ledger.next_delivery_numbers(1)
    delivery = Delivery(
        delivery_id=name,
        delivery_number=number,
        source=settings.source,
        delivery_date=FIRST_DAY,
        known_on=known_on,
        status=status,
        rows_received=1,
        rows_accepted=1,
        rows_quarantined=0,
        rows_duplicate=0,
    )
    ledger.record_deliveries([(delivery, [])])


def test_without_a_list_there_is_nothing_to_refresh(home: Home) -> None:
    with pytest.raises(NotNow, match="no list to refresh"):
        find_ground(*home)


def test_what_is_known_after_the_list_is_what_a_refresh_looks_at(home: Home) -> None:
    publish_day(*home)
    deliver(home, "with-the-list", FIRST_DAY)
    assert find_ground(*home).refresh_day == FIRST_DAY
    deliver(home, "late", DAY_AFTER)
    deliver(home, "refused", DAY_AFTER + timedelta(days=1), "refused")
    found = find_ground(*home)
    assert [one.delivery_id for one in found.deliveries] == ["late"]
    assert (found.base.as_of_date, found.refresh_day) == (FIRST_DAY, DAY_AFTER)


def test_a_run_that_was_killed_long_ago_holds_nobody_up(home: Home) -> None:
    settings, ledger = home
    publish_day(*home)
    ledger.begin_run("score", settings.source, DAY_AFTER)
    now = ledger.clock()
    ledger.clock = lambda: now + timedelta(hours=7)  # type: ignore[method-assign]
    assert find_ground(*home).base.as_of_date == FIRST_DAY


def test_a_day_that_is_built_and_not_published_comes_first(home: Home) -> None:
    settings, ledger = home
    publish_day(*home)
    features = ledger.begin_run("features", settings.source, DAY_AFTER)
    ledger.record_built_day(features)
    ledger.finish_run(features)
    with pytest.raises(NotNow, match=f"{DAY_AFTER} is built and not published"):
        find_ground(*home)


def test_a_list_of_an_earlier_version_waits_for_the_next_daily_one(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_day(*home)
    newer = PublishedTable("told_tomorrow", "reporting.told_tomorrow", "day", ())
    monkeypatch.setattr(ground, "PUBLISHED_TABLES", (*PUBLISHED_TABLES, newer))
    with pytest.raises(NotNow, match="earlier version and lacks told_tomorrow"):
        find_ground(*home)

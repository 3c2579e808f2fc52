"""D2: the past raises no alerts, and a past day that is published again shows none of later days."""

from collections.abc import Iterator

import pytest

from dags.wiring.refreshing import refresh
from tests.warehouse.intraday.published_day import DAY_AFTER, empty_home, publish_day
from tests.warehouse.publish.tiny_build import FIRST_DAY
from warehouse.connections import open_build, open_new, open_read_only
from warehouse.errors import ContractBreach
from warehouse.ledger import Ledger
from warehouse.publish import current_snapshot
from warehouse.publish.manifest import DATABASE_NAME
from warehouse.settings import Settings

Home = tuple[Settings, Ledger]


@pytest.fixture
def home() -> Iterator[Home]:
    with empty_home() as opened:
        yield opened


@pytest.mark.parametrize("trigger", ["backfill", "replay"])
def test_a_refresh_of_the_past_is_refused(home: Home, trigger: str) -> None:
    publish_day(*home)
    settings, ledger = home
    before = ledger.recent_runs(settings.source)
    with pytest.raises(ContractBreach, match="raises no alerts"):
        refresh(settings, ledger, trigger=trigger)
    assert ledger.recent_runs(settings.source) == before
    assert not settings.intraday_file.exists()


def test_a_past_day_shows_the_alerts_of_its_time_and_no_later_ones(home: Home) -> None:
    settings, _ = home
    columns = "as_of_date date, alert_id varchar, run_id varchar"
    settings.build_file.parent.mkdir(parents=True)
    with open_build(settings) as connection:
        connection.execute(f"create schema alerts; create table alerts.risk_alerts ({columns})")
    with open_new(settings.intraday_file) as connection:
        connection.execute(
            f"create table risk_alerts ({columns});"
            f"insert into risk_alerts values (date '{FIRST_DAY}', 'of the day', 'refresh'), "
            f"(date '{DAY_AFTER}', 'of the day after', 'refresh')"
        )
    told = []
    for number in range(2):
        publish_day(*home, number)
        with open_read_only(current_snapshot(settings) / DATABASE_NAME) as connection:
            rows = connection.execute("select alert_id from risk_alerts order by as_of_date").fetchall()
        told.append([alert_id for (alert_id,) in rows])
    assert told == [["of the day"], ["of the day", "of the day after"]]

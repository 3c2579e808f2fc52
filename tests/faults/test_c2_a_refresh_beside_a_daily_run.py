"""C2: a refresh while a day is being made. The day comes first; the round is left out, and says why."""

from collections.abc import Iterator
from typing import Any

import pytest

from dags.wiring.refreshing import refresh
from tests.warehouse.intraday.published_day import DAY_AFTER, empty_home, publish_day
from warehouse.connections import writer_lock
from warehouse.intraday import NotNow, find_ground
from warehouse.ledger import Ledger
from warehouse.settings import Settings
from warehouse.sources import load_source

Home = tuple[Settings, Ledger]


@pytest.fixture
def home() -> Iterator[Home]:
    with empty_home() as opened:
        publish_day(*opened)
        yield opened


@pytest.mark.parametrize("kind", ["ingest", "features", "score"])
def test_a_daily_run_that_is_under_way_comes_first(home: Home, kind: str) -> None:
    settings, ledger = home
    run = ledger.begin_run(kind, settings.source, DAY_AFTER)
    with pytest.raises(NotNow, match=rf"{run.run_id}.*under way"):
        find_ground(settings, ledger)
    ledger.fail_run(run, "a red gate")
    find_ground(settings, ledger)


def test_a_busy_writer_costs_the_round_and_no_run(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, ledger = home

    def declared(*_name: Any) -> Any:
        return load_source("sample_shop")

    monkeypatch.setattr("warehouse.ingest.run.load_source", declared)
    before = ledger.recent_runs(settings.source)
    with writer_lock(settings), pytest.raises(NotNow, match=r"left out.*already being written"):
        refresh(settings, ledger, progress=lambda _line: None)
    assert ledger.recent_runs(settings.source) == before

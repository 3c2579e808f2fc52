"""D1, D4: a day brought another way, run out of order, run again: the same rows.

One shop goes down the line in order (`first_day`, `last_day`). The same shop, its lines shuffled, its files
split and some delivered twice, with one thread, runs the LAST day before the FIRST, and then LAST again.
"""

from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from tests.end_to_end.homes import FIRST, LAST, copy_of, current, digest, settings_of, snapshot
from tests.end_to_end.line import forget_runs, workshop
from tests.faults.another_way import deliver_another_way
from warehouse.ledger import Ledger

pytestmark = pytest.mark.slow

# rows received and duplicates are counted there, and files delivered twice are meant to be counted
BOOKS = "data_quality_report"
# compares a day with the days that are stored by then
HEALTH = "model_health"


@dataclass
class OtherWay:
    """The home, and which snapshot each run published."""

    home: Path
    last: Path
    first: Path
    last_again: Path


@pytest.fixture(scope="module")
def other_way(tmp_path_factory: pytest.TempPathFactory, landed: Path) -> OtherWay:
    home = copy_of(landed, tmp_path_factory.mktemp("other-way"))
    settings = settings_of(home)
    assert deliver_another_way(settings.landing) > 300
    workshop().run(home, LAST, ["ingest"], HOLDFAST_THREADS="1")
    snapshots = []
    for day in (LAST, FIRST, LAST):
        forget_runs(home)
        workshop().run(home, day, HOLDFAST_THREADS="1")
        snapshots.append(snapshot(home, day))
    return OtherWay(home, *snapshots)


def test_d1_files_in_another_order_split_and_repeated_give_the_same_day(
    other_way: OtherWay, first_day: Path
) -> None:
    assert digest(other_way.first, BOOKS, HEALTH) == digest(current(first_day), BOOKS, HEALTH)


def test_d1_the_duplicates_are_counted_and_not_taken(other_way: OtherWay, last_day: Path) -> None:
    received, accepted = _rows(other_way.home)
    usual_received, usual_accepted = _rows(last_day)
    assert received > usual_received
    assert accepted == usual_accepted


def test_d1_the_same_day_again_gives_the_same_rows(other_way: OtherWay) -> None:
    assert other_way.last_again != other_way.last
    on_the_day = f"as_of_date = date '{LAST}'"
    assert digest(other_way.last_again, BOOKS, where=on_the_day) == digest(
        other_way.last, BOOKS, where=on_the_day
    )


def test_d4_days_run_backwards_have_the_features_and_scores_of_days_run_in_order(
    other_way: OtherWay, last_day: Path
) -> None:
    tiers = {"user_risk_tiers", "user_risk_tiers_history", "at_risk_users", "tier_consequences", "run_info"}
    # a rise is seen from the day before, and a cause is told on the first day that saw it
    tiers |= {"user_tier_changes", "risk_alerts", BOOKS, HEALTH}
    found = digest(other_way.last_again, *tiers)
    assert {"churn_scores_history", "churn_scores_by_definition", "user_features_latest"} < set(found)
    assert {"model_report", "model_backtest", "model_decisions"} < set(found)
    assert found == digest(current(last_day), *tiers)


def test_d4_an_older_day_run_later_moves_no_pointer(other_way: OtherWay) -> None:
    with Ledger.open(settings_of(other_way.home)) as ledger:
        moved = [(record.as_of_date, record.pointer_moved) for record in ledger.publishes()]
    assert moved == [(LAST, True), (FIRST, False), (LAST, True)]
    assert current(other_way.home) == other_way.last_again


def test_d4_a_past_day_knows_nothing_of_the_days_after_it(other_way: OtherWay) -> None:
    with duckdb.connect(str(other_way.first / "holdfast.duckdb"), read_only=True) as connection:
        for table in ("churn_scores_history", "user_risk_tiers_history"):
            days = connection.execute(f"select distinct as_of_date from {table}").fetchall()
            assert days == [(FIRST,)]


def _rows(home: Path) -> tuple[int, int]:
    with Ledger.open(settings_of(home)) as ledger:
        deliveries = ledger.deliveries("sample_shop")
    return (
        sum(delivery.rows_received for delivery in deliveries),
        sum(delivery.rows_accepted for delivery in deliveries),
    )

"""UCI Online Retail from its 305 files to a published list, through Airflow, as of 2011-09-09."""

import os
from datetime import date
from pathlib import Path

import duckdb
import pytest

from tests.end_to_end.homes import counts, current, must, settings_of
from warehouse.ledger import Ledger
from warehouse.publish import verify_snapshot

AS_OF = date(2011, 9, 9)
RECEIVED, ACCEPTED, DUPLICATES = 541_909, 536_641, 5_268
# at least one paid order in the 180 days up to the evening of AS_OF
ELIGIBLE = 2_787

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.slow,
    pytest.mark.skipif(not os.environ.get("HOLDFAST_REAL_DATA"), reason="HOLDFAST_REAL_DATA is not set"),
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("real-shop")
    shop = {
        "HOLDFAST_SOURCE": "online_retail",
        "HOLDFAST_DEFINITION": "paid_order_90d",
        "HOLDFAST_MEMORY_LIMIT": "4GB",
    }
    data = Path(os.environ["HOLDFAST_REAL_DATA"]) / "online_retail"
    must(folder, "warehouse", "prepare", **shop)
    must(folder, "warehouse", "land", str(data), **shop)
    must(folder, "dags.run_day", "--as-of", AS_OF.isoformat(), **shop)
    return folder


def test_every_line_of_every_file_is_accounted_for(home: Path) -> None:
    with Ledger.open(settings_of(home)) as ledger:
        deliveries = ledger.deliveries("online_retail")
    assert len(deliveries) == 305
    assert sum(delivery.rows_received for delivery in deliveries) == RECEIVED
    assert sum(delivery.rows_accepted for delivery in deliveries) == ACCEPTED
    assert sum(delivery.rows_duplicate for delivery in deliveries) == DUPLICATES
    assert sum(delivery.rows_quarantined for delivery in deliveries) == RECEIVED - ACCEPTED - DUPLICATES


def test_every_eligible_user_has_a_score_and_a_tier(home: Path) -> None:
    manifest = verify_snapshot(current(home))
    assert (manifest.source, manifest.as_of_date) == ("online_retail", AS_OF)
    found = counts(current(home))
    assert found["churn_scores_history"] == found["user_risk_tiers"] == ELIGIBLE
    assert 0 < found["at_risk_users"] < ELIGIBLE


def test_nothing_that_happened_after_the_day_is_told(home: Path) -> None:
    with duckdb.connect(str(current(home) / "holdfast.duckdb"), read_only=True) as connection:
        newest = connection.execute("select max(known_on) from data_quality_report").fetchone()
        users = connection.execute(
            "select count(*), min(churn_probability), max(churn_probability) from user_risk_tiers"
        ).fetchone()
    assert newest == (AS_OF,)
    assert users is not None
    assert users[0] == ELIGIBLE
    assert 0 < users[1] < users[2] < 1

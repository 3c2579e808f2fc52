import stat
from datetime import date
from pathlib import Path

import pytest

from warehouse.ledger import Delivery, GateResult, Ledger
from warehouse.reports import write_report
from warehouse.settings import Settings
from warehouse.status import status

DAY = date(2024, 3, 1)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.from_environment({"HOLDFAST_HOME": str(tmp_path), "HOLDFAST_SOURCE": "shop"})


@pytest.fixture
def ledger(settings: Settings):
    with Ledger.open(settings) as opened:
        yield opened


def delivered(number: int, **changes: object) -> Delivery:
    values = {
        "delivery_id": f"shop-{number}",
        "delivery_number": number,
        "source": "shop",
        "delivery_date": DAY,
        "known_on": DAY,
        "status": "accepted",
        "rows_received": 1000,
        "rows_accepted": 990,
        "rows_quarantined": 7,
        "rows_duplicate": 3,
        "quarantine_reasons": {"bad_timestamp": 4, "ragged_row": 3},
    }
    return Delivery(**(values | changes))  # type: ignore[arg-type]


def test_an_ingest_reports_its_deliveries_and_reasons(settings: Settings, ledger: Ledger) -> None:
    run = ledger.begin_run("ingest", "shop", DAY)
    ledger.record_delivery(delivered(1), [])
    ledger.record_delivery(
        delivered(2, status="refused", reason="orders.csv | lacks order_id", rows_accepted=0), []
    )
    ledger.finish_run(run)
    later = ledger.begin_run("ingest", "shop", date(2024, 3, 2))
    ledger.record_delivery(delivered(3), [])
    text = write_report(settings, ledger, run.run_id).read_text()
    assert text.startswith("# shop, 2024-03-01: ingest succeeded")
    assert "| **all** |  |  | 2,000 | 990 | 14 | 6 |  |" in text
    assert "| bad_timestamp | 8 |" in text
    assert r"orders.csv \| lacks order_id" in text
    assert "shop-3" not in text
    assert "shop-3" in write_report(settings, ledger, later.run_id).read_text()


def test_a_failed_run_says_why_it_stopped_and_what_to_do(settings: Settings, ledger: Ledger) -> None:
    run = ledger.begin_run("features", "shop", DAY, "scheduled")
    ledger.record_gate_results(
        run.run_id,
        [
            GateResult("raw", "orders", "rows between", True),
            GateResult(
                "raw", "orders", "share of NULL", False, "ordered_at", "0.4", "<= 0.01", "too many NULL"
            ),
        ],
    )
    ledger.fail_run(run, "The raw gate is red. Found: 0.4. To do: look at the day's orders.csv")
    path = write_report(settings, ledger, run.run_id)
    text = path.read_text()
    assert "## Why it stopped\n\nThe raw gate is red. Found: 0.4." in text
    assert "## What to do\n\nlook at the day's orders.csv" in text
    assert "| raw | 1 | 1 | red |" in text
    assert "| orders | share of NULL | ordered_at | 0.4 | <= 0.01 | too many NULL |" in text
    assert "Nothing is published yet" in text
    assert (settings.reports / "latest.md").read_text() == text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_overtaken_run_says_that_nothing_needs_doing(settings: Settings, ledger: Ledger) -> None:
    run = ledger.begin_run("score", "shop", DAY)
    newer = ledger.begin_run("score", "shop", DAY)
    text = write_report(settings, ledger, run.run_id).read_text()
    assert f"run {newer.run_id} took over" in text
    assert "Nothing needs doing" in text


def test_the_status_fits_a_screen_and_names_what_is_open(settings: Settings, ledger: Ledger) -> None:
    assert "none yet" in status(settings, ledger)
    for number in range(1, 20):
        ledger.record_delivery(delivered(number), [])
    failed = ledger.begin_run("score", "shop", DAY)
    ledger.fail_run(failed, "the gate is red")
    running = ledger.begin_run("features", "shop", DAY)
    text = status(settings, ledger)
    assert "19 accepted" in text
    assert "19,000 rows received = 18,810 accepted + 133 quarantined + 57 duplicate" in text
    assert f"failed       score of 2024-03-01, run {failed.run_id}" in text
    assert f"running      features of 2024-03-01, run {running.run_id}" in text
    assert len(text.splitlines()) < 25

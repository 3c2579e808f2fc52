"""What was set aside is shown with its place, its reason and its text."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.warehouse.ingest.shop import Shop, orders
from warehouse.quarantined import quarantined


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    trial = Shop(tmp_path)
    yield trial
    trial.ledger.close()


def test_each_reason_is_counted_and_its_newest_rows_are_shown(shop: Shop) -> None:
    bad = "".join(f"x{n},u1,2025-03-05 10:00:00,a lot,\n" for n in range(3))
    shop.deliver("2025-03-05", orders_csv=orders(20) + bad + "x9,u1,yesterday,1,\n")
    shop.ingest()
    text = quarantined(shop.settings, top=2)
    lines = text.splitlines()
    assert [line for line in lines if not line.startswith(" ")] == [
        "orders, not_a_number: 3",
        "orders, not_a_time: 1",
    ]
    assert "2025-03-05/orders.csv line 22: amount 'a lot'" in text
    assert "    x1,u1,2025-03-05 10:00:00,a lot," in lines
    assert "x2,u1" not in text


def test_an_empty_quarantine_says_so(shop: Shop) -> None:
    shop.deliver("2025-03-05", orders_csv=orders(3))
    shop.ingest()
    assert quarantined(shop.settings) == "No row of shop is in quarantine"

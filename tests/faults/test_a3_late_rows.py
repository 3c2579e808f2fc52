"""A3: late rows land on their own day; rows later than declared are quarantined and counted."""

from datetime import date
from pathlib import Path

import pytest

from tests.warehouse.ingest.shop import HEADER, Shop, orders


@pytest.mark.parametrize(
    ("days", "late", "quarantined"), [(1, 1, 0), (3, 1, 0), (30, 1, 0), (31, 0, 1), (40, 0, 1)]
)
def test_a3_late_rows_are_counted_or_quarantined(
    tmp_path: Path, days: int, late: int, quarantined: int
) -> None:
    event = date.fromordinal(date(2025, 3, 5).toordinal() - days)
    shop = Shop(tmp_path)
    shop.deliver("2025-03-05", orders_csv=orders() + f"late,u1,{event} 12:00:00,1,\n")
    report = shop.ingest()
    assert sum(o.late for o in report.accepted) == late
    assert report.rows_quarantined == quarantined
    assert report.quarantined_by_reason == ({"too_late": 1} if quarantined else {})
    if late:
        found = shop.rows(
            "select ordered_at::date::varchar, known_on::varchar from raw.shop__orders "
            "where order_id = 'late'"
        )
        assert found == [(str(event), "2025-03-05")]


def test_a3_a_source_may_allow_any_delay(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    path = shop.settings.dbt_project / "models/staging/shop/_shop__sources.yml"
    shop.declare(path.read_text().replace("late_days_allowed: 30", "late_days_allowed: unlimited"))
    shop.deliver("2025-03-05", orders_csv=HEADER + "old,u1,2011-01-01 12:00:00,1,\n")
    assert shop.ingest().rows_accepted == 1

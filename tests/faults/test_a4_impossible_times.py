"""A4: times that cannot be are quarantined and never become the newest time."""

from pathlib import Path

from tests.warehouse.ingest.shop import Shop, orders

TIMES = {
    "2025-03-07 00:00:00": "future_dated",
    "2035-03-05 10:00:00": "future_dated",
    "9999-12-31 23:59:59": "future_dated",
    "1970-01-01 00:00:00": "too_early",
    "1999-12-31 23:59:59": "too_early",
    "infinity": "not_a_time",
    "-infinity": "not_a_time",
    "1741168800000": "not_a_time",
    "0000-00-00 00:00:00": "not_a_time",
}


def test_a4_impossible_times_go_to_quarantine(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    bad = "".join(f"x{n},u1,{text},1,\n" for n, text in enumerate(TIMES))
    shop.deliver("2025-03-05", orders_csv=orders(60) + bad)
    report = shop.ingest()
    assert (report.rows_accepted, report.rows_quarantined) == (60, len(TIMES))
    assert dict(shop.rows("select value, reason_code from quarantine.rows")) == TIMES
    assert shop.rows("select max(ordered_at)::date::varchar from raw.shop__orders") == [("2025-03-05",)]


def test_a4_a_clock_that_runs_a_day_ahead_is_tolerated(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.deliver("2025-03-05", orders_csv=orders() + "x,u1,2025-03-06 23:59:59,1,\n")
    assert shop.ingest().rows_quarantined == 0

"""A6: odd numbers are quarantined or normalised by rule, and the totals reconcile."""

from decimal import Decimal
from pathlib import Path

from tests.warehouse.ingest.shop import HEADER, Shop

READ = {"12.5": "12.5", "-0": "0", "１２３": "123", "0.0001": "0.0001", "": None}
REFUSED = ["NaN", "Infinity", "1e308", '"1,234.56"', "-5", "1.00001", "0x1F"]


def test_a6_numbers_are_read_or_quarantined_and_none_is_lost(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    good = "".join(f"g{n},u1,2025-03-05 10:00:00,{text},\n" for n, text in enumerate(READ))
    many = "".join(f"m{n},u1,2025-03-05 10:00:00,0.01,\n" for n in range(100))
    bad = "".join(f"b{n},u1,2025-03-05 10:00:00,{text},\n" for n, text in enumerate(REFUSED))
    shop.deliver("2025-03-05", orders_csv=HEADER + good + many + bad)
    report = shop.ingest()
    assert report.rows_accepted == len(READ) + 100
    found = shop.rows("select amount from raw.shop__orders where order_id like 'g%' order by order_id")
    assert [row[0] for row in found] == [None if text is None else Decimal(text) for text in READ.values()]
    (total,) = shop.rows("select sum(amount) from raw.shop__orders")[0]
    assert total == sum(Decimal(text) for text in READ.values() if text) + 1
    assert shop.rows("select value from quarantine.rows order by source_line") == [
        (t.strip('"'),) for t in REFUSED
    ]

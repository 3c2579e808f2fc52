"""A10: what is missing, empty, cut or far too much is refused whole, with the reason."""

import gzip
from pathlib import Path

import pytest

from tests.warehouse.ingest.shop import HEADER, Shop, orders

VISITS = "at,page\n2025-03-05 10:00:00,home\n"


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"visits_csv": VISITS}, "lacks orders, required every day"),
        ({"ordres_csv": orders(), "visits_csv": VISITS}, "ordres.csv"),
        ({"orders_csv": "", "visits_csv": VISITS}, "orders.csv holds 0 bytes"),
        ({"orders_csv": HEADER, "visits_csv": VISITS}, "orders of 2025-03-05 has a header and no row"),
        ({"orders_csv_gz": gzip.compress(orders().encode())[:60]}, "orders.csv.gz cannot be unpacked"),
        ({"orders_csv_gz": b"\x1f\x8bnot gzip at all"}, "orders.csv.gz cannot be unpacked"),
        ({"orders_parquet": b"PAR1 not a table PAR1"}, "orders.parquet cannot be read as Parquet"),
        ({"orders_xlsx": b"PK"}, "orders.xlsx has an ending that is not known"),
        ({"orders_csv": orders(), "visits_csv": ""}, "visits.csv holds 0 bytes"),
    ],
)
def test_a10_a_delivery_without_its_rows_is_refused(
    tmp_path: Path, files: dict[str, str | bytes], words: str
) -> None:
    shop = Shop(tmp_path)
    shop.deliver("2025-03-05", **files)
    (refused,) = shop.ingest().refused
    assert words in str(refused.reason)
    assert "To do: " in str(refused.reason)
    assert shop.count("raw.shop__visits") == shop.count("raw.shop__orders") == 0


def test_a10_a_day_far_from_the_usual_is_refused(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    for day in range(1, 11):
        shop.deliver(f"2025-03-{day:02}", orders_csv=orders(40, f"2025-03-{day:02}", day * 1000))
    shop.deliver("2025-03-11", orders_csv=orders(4, "2025-03-11", 20_000))
    shop.deliver("2025-03-12", orders_csv=orders(400, "2025-03-12", 30_000))
    shop.deliver("2025-03-13", orders_csv=orders(20, "2025-03-13", 40_000))
    report = shop.ingest()
    assert [str(o.delivery_date) for o in report.refused] == ["2025-03-11", "2025-03-12"]
    assert "orders of 2025-03-11 has 4 rows; usual are 40, allowed 10 to 160" in str(report.refused[0].reason)
    # the whole day, delivered later, is taken
    shop.deliver("2025-03-11", orders_csv=orders(40, "2025-03-11", 20_000))
    assert [str(o.delivery_date) for o in shop.ingest().accepted] == ["2025-03-11"]


def test_a10_a_flood_of_bad_rows_stops_the_delivery(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    bad = "".join(f"x{n},u1,05/03/2025,1,\n" for n in range(90))
    shop.deliver("2025-03-05", orders_csv=orders(10) + bad)
    (refused,) = shop.ingest().refused
    assert "90 of 100 rows of orders cannot be taken (not_a_time 90)" in str(refused.reason)
    assert "orders.csv line 12: ordered_at '05/03/2025'" in str(refused.reason)
    assert shop.count("quarantine.rows") == 0


def test_a10_a_flood_of_orphans_stops_the_delivery_and_what_leans_on_it(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    head = "order_id,line_number,quantity\n"
    orphans = head + "".join(f"x{n},1,1\n" for n in range(20))
    shop.deliver("2025-03-05", orders_csv=orders(10), items_csv=orphans)
    shop.deliver("2025-03-06", orders_csv=orders(10, "2025-03-06", 50), items_csv=head + "o1,1,1\no50,1,1\n")
    report = shop.ingest()
    assert [o.status for o in report.deliveries] == ["refused", "accepted"]
    said = str(report.refused[0].reason)
    assert "20 of 20 rows of items cannot be taken (orphan 20)" in said
    assert "items.csv line 2: order_id 'x0': the row refers to a row that was never delivered" in said
    assert "To do: deliver the parent row first" in said
    assert report.quarantined_by_reason == {"orphan": 1}

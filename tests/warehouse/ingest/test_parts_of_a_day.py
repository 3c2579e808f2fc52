"""A part of a day is taken with the day's own delivery or after it, and makes no day by itself."""

from datetime import date

from tests.warehouse.ingest.shop import Shop, orders

VISITS = "at,page\n2025-03-05T10:00:00,home\n"


def part(shop: Shop, day: str = "2025-03-05", name: str = "reported", **files: str) -> None:
    shop.deliver(f"{day}.{name}", **(files or {"visits_csv": VISITS}))


def test_a_part_waits_for_its_day(shop: Shop) -> None:
    part(shop)
    assert shop.ingest().deliveries == ()
    shop.deliver("2025-03-05", orders_csv=orders())
    report = shop.ingest()
    assert [one.status for one in report.deliveries] == ["accepted", "accepted"]
    assert report.newest_delivery_date == date(2025, 3, 5)
    assert shop.rows("select source_file, known_on from raw.shop__visits") == [
        ("2025-03-05.reported/visits.csv", date(2025, 3, 5))
    ]


def test_a_part_of_a_later_day_stays_where_it_is(shop: Shop) -> None:
    shop.deliver("2025-03-05", orders_csv=orders())
    part(shop, "2025-03-06")
    report = shop.ingest()
    assert (len(report.deliveries), report.newest_delivery_date) == (1, date(2025, 3, 5))
    assert not report.warnings


def test_a_part_is_taken_once_and_loaded_again(shop: Shop) -> None:
    shop.deliver("2025-03-05", orders_csv=orders())
    part(shop)
    shop.ingest()
    before = shop.digest()
    assert shop.ingest().deliveries == ()
    shop.rebuild()
    assert shop.digest() == before


def test_a_part_does_not_stand_for_the_day(shop: Shop) -> None:
    shop.deliver("2025-03-06", orders_csv=orders(day="2025-03-06"))
    part(shop)
    (shop.settings.landing / "2025-03-05").mkdir()
    report = shop.ingest()
    assert {(one.delivery_date, one.status) for one in report.deliveries} == {
        (date(2025, 3, 5), "refused"),
        (date(2025, 3, 6), "accepted"),
        (date(2025, 3, 5), "accepted"),
    }
    again = shop.ingest()
    assert [(one.delivery_date, one.status) for one in again.deliveries] == [(date(2025, 3, 5), "refused")]


def test_folders_of_other_names_are_still_told(shop: Shop) -> None:
    shop.deliver("2025-03-05", orders_csv=orders())
    shop.deliver("2025-03-05 copy", orders_csv=orders(first=100))
    part(shop, "2025-13-45")
    warnings = shop.ingest().warnings
    assert len(warnings) == 2
    assert "2025-03-05 copy" in warnings[0]
    assert "2025-13-45.reported" in warnings[1]

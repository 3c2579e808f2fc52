"""Deliveries are taken whole, once, and every row is accounted for."""

import json
import os
import shutil
from datetime import date
from pathlib import Path

import pytest

from tests.warehouse.ingest.shop import DECLARATION, HEADER, Shop, orders
from warehouse.errors import DamagedFile
from warehouse.ingest import file_hashes
from warehouse.ingest.file_hashes import sha256_of


def test_good_rows_are_stored_with_where_they_came_from(shop: Shop) -> None:
    shop.deliver("2025-03-05", orders_csv=HEADER + "o1,u1,2025-03-05 10:00:00,12.50,hello\n")
    report = shop.ingest()
    assert report.newest_delivery_date == date(2025, 3, 5)
    assert report.accepted_by_table == {"orders": 1}
    found = shop.rows(
        "select order_id, amount, source_file, source_line, known_on, delivery_id from raw.shop__orders"
    )
    (delivery,) = shop.ledger.deliveries("shop")
    assert [tuple(map(str, row)) for row in found] == [
        ("o1", "12.5000", "2025-03-05/orders.csv", "2", "2025-03-05", delivery.delivery_id)
    ]


def test_a_second_ingest_finds_nothing_new(shop: Shop) -> None:
    shop.deliver("2025-03-05", orders_csv=orders())
    shop.ingest()
    before = shop.digest()
    assert shop.ingest().deliveries == ()
    assert shop.digest() == before


def test_a_file_that_nobody_touches_is_hashed_once(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.deliver("2025-03-05", orders_csv=orders())
    hashed: list[Path] = []

    def spied(path: Path) -> tuple[str, int]:
        hashed.append(path)
        return sha256_of(path)

    monkeypatch.setattr(file_hashes, "sha256_of", spied)
    shop.ingest()
    shop.ingest()
    assert len(hashed) == 2, "so soon after it came, a file might change unseen: it is hashed again"
    hashed.clear()
    monkeypatch.setattr(file_hashes, "SETTLED_NANOSECONDS", 0)
    shop.ingest()
    shop.ingest()
    (file,) = hashed
    status = file.stat()
    changed = file.read_bytes().replace(b"9.50", b"9.51", 1)
    assert changed != file.read_bytes()
    assert len(changed) == status.st_size
    file.write_bytes(changed)
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert len(shop.ingest().accepted) == 1, "same size and same time of writing, other content"


def test_only_days_up_to_the_given_one_are_taken(shop: Shop) -> None:
    shop.deliver("2025-03-05", orders_csv=orders())
    shop.deliver("2025-03-06", orders_csv=orders(day="2025-03-06", first=100))
    assert len(shop.ingest(through=date(2025, 3, 5)).accepted) == 1
    assert len(shop.ingest().accepted) == 1


def test_a_delivery_after_its_day_was_built_counts_from_the_day_after(shop: Shop) -> None:
    run = shop.ledger.begin_run("features", "shop", date(2025, 3, 9))
    shop.ledger.record_built_day(run)
    shop.deliver("2025-03-05", orders_csv=orders())
    shop.deliver("2025-03-20", orders_csv=orders(first=100, day="2025-03-20"))
    shop.ingest()
    assert shop.rows("select distinct known_on from raw.shop__orders order by 1") == [
        (date(2025, 3, 10),),
        (date(2025, 3, 20),),
    ]


HISTORY = {
    "o1": ("2021-06-01 10:00:00", date(2021, 6, 1)),
    "o2": ("2024-12-31 23:30:00", date(2024, 12, 31)),
    # London is an hour ahead of UTC: the local day counts, on the night of the change too
    "o3": ("2024-06-01 00:30:00", date(2024, 6, 1)),
    "o4": ("2024-10-27 01:30:00", date(2024, 10, 27)),
    "o5": ("2025-03-05 09:00:00", date(2025, 3, 5)),
    # an hour after midnight that the export's day still caught
    "o6": ("2025-03-06 00:30:00", date(2025, 3, 5)),
}
HISTORY_CSV = HEADER + "".join(f"{order},u1,{at},1,\n" for order, (at, _) in HISTORY.items())
ITEMS_CSV = "order_id,line_number,quantity\no1,1,2\n"


def known_days(shop: Shop) -> dict[object, object]:
    rows = shop.rows("select order_id, known_on from raw.shop__orders")
    return {row[0]: row[1] for row in rows}


def test_rows_of_a_history_load_count_from_their_own_day(shop: Shop) -> None:
    shop.deliver("2025-03-05", {"history": True}, orders_csv=HISTORY_CSV, items_csv=ITEMS_CSV)
    shop.ingest()
    assert known_days(shop) == {order: day for order, (_, day) in HISTORY.items()}
    assert shop.rows("select known_on from raw.shop__items") == [(date(1900, 1, 1),)]
    shop.rebuild()
    assert known_days(shop) == {order: day for order, (_, day) in HISTORY.items()}


def test_a_history_load_changes_no_day_that_is_built(shop: Shop) -> None:
    run = shop.ledger.begin_run("features", "shop", date(2024, 8, 1))
    shop.ledger.record_built_day(run)
    shop.deliver("2025-03-05", {"history": True}, orders_csv=HISTORY_CSV, items_csv=ITEMS_CSV)
    shop.ingest()
    first = date(2024, 8, 2)
    assert known_days(shop) == {order: max(first, day) for order, (_, day) in HISTORY.items()}
    assert shop.rows("select known_on from raw.shop__items") == [(first,)]


def test_a_history_row_without_a_time_was_always_known(shop: Shop) -> None:
    declaration = DECLARATION.replace("{required: true, format:", "{format:")
    shop.declare(declaration)
    shop.deliver("2025-03-05", {"history": True}, orders_csv=HEADER + "o1,u1,,1,\n")
    shop.ingest()
    assert known_days(shop) == {"o1": date(1900, 1, 1)}


def test_a_history_load_is_not_judged_by_volume_and_teaches_none(shop: Shop) -> None:
    for day in range(1, 10):
        text = orders(40, day=f"2025-03-{day:02}", first=100 * day)
        shop.deliver(f"2025-03-{day:02}", orders_csv=text)
    shop.deliver("2025-03-10", {"history": True}, orders_csv=orders(2_000, day="2023-01-01", first=5_000))
    shop.deliver("2025-03-11", orders_csv=orders(2_000, day="2025-03-11", first=9_000))
    report = shop.ingest()
    assert [one.delivery_date for one in report.refused] == [date(2025, 3, 11)]
    assert report.accepted[-1].rows_accepted == 2_000


LATE = {"o1": "refunded", "o2": "new here"}  # o1 is known since March, o2 is not


def late_rows(shop: Shop, day: str) -> None:
    rows = "".join(f"{order},u1,2025-03-05 10:00:00,1.50,{note}\n" for order, note in LATE.items())
    shop.deliver(day, orders_csv=orders(3, day=day, first=500) + rows)


@pytest.mark.parametrize("at_once", [True, False])
def test_a_changed_row_of_a_known_key_is_never_too_late(shop: Shop, at_once: bool) -> None:
    shop.deliver("2025-03-05", orders_csv=HEADER + "o1,u1,2025-03-05 10:00:00,1.50,paid\n")
    if not at_once:
        shop.ingest()
    late_rows(shop, "2025-06-20")
    shop.ingest()
    assert shop.rows("select reason_code, raw_text from quarantine.rows") == [
        ("too_late", "o2,u1,2025-03-05 10:00:00,1.50,new here")
    ]
    versions = "select note, known_on from raw.shop__orders where order_id = 'o1' order by known_on"
    assert shop.rows(versions) == [("paid", date(2025, 3, 5)), ("refunded", date(2025, 6, 20))]
    before = shop.digest()
    shop.rebuild()
    assert shop.digest() == before


def test_a_refused_delivery_makes_no_late_row_known(shop: Shop) -> None:
    bad = "".join(f"x{n},u1,yesterday,1,\n" for n in range(20))
    shop.deliver("2025-03-05", orders_csv=HEADER + "o1,u1,2025-03-05 10:00:00,1.50,paid\n" + bad)
    late_rows(shop, "2025-06-20")
    assert len(shop.ingest().refused) == 1
    assert [code for _, code in shop.codes()] == ["too_late", "too_late"]
    shop.rebuild()


def test_a_manifest_that_counts_no_rows_is_taken(shop: Shop) -> None:
    folder = shop.deliver("2025-03-05", {"history": True}, orders_csv=HISTORY_CSV)
    assert "rows" not in (folder / "_manifest.json").read_text()
    assert len(shop.ingest().accepted) == 1


def test_a_refused_delivery_leaves_nothing_and_a_mended_one_is_taken(shop: Shop) -> None:
    shop.deliver(
        "2025-03-05",
        orders_csv=HEADER.replace("amount", "amuont") + "o1,u1,2025-03-05 10:00:00,1,\n",
        visits_csv="at,page\n2025-03-05 10:00:00,home\n",
    )
    (refused,) = shop.ingest().refused
    assert "'amount'" in str(refused.reason) and "'amuont'" in str(refused.reason)
    assert shop.count("raw.shop__visits") == 0
    shop.deliver("2025-03-05", orders_csv=orders())
    assert len(shop.ingest().accepted) == 1
    assert shop.count("raw.shop__visits") == 1
    assert sorted(d.status for d in shop.ledger.deliveries("shop")) == ["accepted", "refused"]


def test_a_refused_delivery_does_not_hold_up_the_days_after(shop: Shop) -> None:
    shop.deliver("2025-03-05", orders_csv="")
    shop.deliver("2025-03-06", orders_csv=orders(day="2025-03-06"))
    report = shop.ingest()
    assert [outcome.status for outcome in report.deliveries] == ["refused", "accepted"]


def test_a_file_that_comes_later_in_the_day_is_a_delivery_of_its_own(shop: Shop) -> None:
    shop.deliver("2025-03-05", orders_csv=orders())
    shop.ingest()
    shop.deliver("2025-03-05", visits_csv="at,page\n2025-03-05 10:00:00,home\n")
    assert shop.ingest().accepted_by_table == {"visits": 1}


def test_a_manifest_is_held_to(shop: Shop) -> None:
    folder = shop.deliver("2025-03-05", True, orders_csv=orders())
    manifest = json.loads((folder / "_manifest.json").read_text())
    for change, words in (
        ({"sha256": "0" * 64}, "orders.csv: the manifest says sha256 0000"),
        ({"bytes": 3}, "orders.csv: the manifest says bytes 3"),
        ({"rows": 11}, "orders.csv: the manifest says 11 rows, the file has 10"),
        ({"name": "orders_2.csv"}, "lists orders_2.csv, which is not there"),
    ):
        changed = {"files": [{**manifest["files"][0], **change}]}
        (folder / "_manifest.json").write_text(json.dumps(changed))
        (refused,) = shop.ingest().refused
        assert words in str(refused.reason)
    (folder / "_manifest.json").write_text(json.dumps(manifest))
    assert len(shop.ingest().accepted) == 1


def test_a_file_beside_the_manifest_is_refused(shop: Shop) -> None:
    folder = shop.deliver("2025-03-05", True, orders_csv=orders())
    (folder / "visits.csv").write_text("at,page\n2025-03-05 10:00:00,home\n")
    (refused,) = shop.ingest().refused
    assert "visits.csv is not in the manifest" in str(refused.reason)


def test_files_being_written_and_foreign_folders_are_left_alone(shop: Shop) -> None:
    folder = shop.deliver("2025-03-05", orders_csv=orders())
    for name in ("orders_2.csv.part", "orders_3.csv.tmp", ".orders_4.csv", "_orders.csv"):
        (folder / name).write_text("half")
    (folder / "notes.md").write_text("hello")
    (shop.settings.landing / "somewhere").mkdir()
    report = shop.ingest()
    assert report.rows_received == 10
    assert any("notes.md" in warning for warning in report.warnings)
    assert any("somewhere" in warning for warning in report.warnings)


def test_an_item_without_its_order_is_quarantined(shop: Shop) -> None:
    items = "order_id,line_number,quantity\no1,1,2\no99,1,2\n"
    shop.deliver("2025-03-05", orders_csv=orders(), items_csv=items)
    report = shop.ingest()
    assert report.quarantined_by_reason == {"orphan": 1}
    assert shop.rows("select column_name, value, raw_text from quarantine.rows") == [
        ("order_id", "o99", "o99,1,2")
    ]


def test_an_order_that_comes_a_day_later_does_not_save_the_item(shop: Shop) -> None:
    items = "order_id,line_number,quantity\no101,1,2\n"
    shop.deliver("2025-03-05", orders_csv=orders(), items_csv=items)
    shop.deliver("2025-03-06", orders_csv=orders(first=101, day="2025-03-06"))
    assert shop.ingest().quarantined_by_reason == {"orphan": 1}


def test_kept_orphans_are_accepted_and_counted(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> None:
    text = (shop.settings.dbt_project / "models/staging/shop/_shop__sources.yml").read_text()
    shop.declare(text.replace("table: orders}", "table: orders, orphans: keep}"))
    shop.deliver("2025-03-05", orders_csv=orders(), items_csv="order_id,line_number,quantity\no99,1,2\n")
    (outcome,) = shop.ingest().accepted
    assert (outcome.rows_accepted, outcome.orphans) == (11, 1)


def test_direct_identifiers_go_to_the_vault_and_never_to_quarantine(shop: Shop) -> None:
    people = "user_id,email,birth_year\nu1,ann@example.com,1980\nu2,bob@example.com,young\n"
    shop.deliver("2025-03-05", orders_csv=orders(), people_csv=people)
    shop.ingest()
    assert shop.rows("select email from vault.shop__people") == [("ann@example.com",)]
    (row,) = shop.rows("select value, raw_text, reason from quarantine.rows")
    assert row[:2] == (None, None)
    assert "young" not in str(row[2])


def test_a_lost_build_file_is_loaded_again_to_the_same_content(shop: Shop) -> None:
    bad = "o77,u1,yesterday,1,\n"
    shop.deliver("2025-03-05", orders_csv=orders() + bad)
    shop.deliver("2025-03-06", orders_csv=orders(day="2025-03-06", first=5))
    shop.ingest()
    before, quarantined = shop.digest(), shop.rows("select * from quarantine.rows")
    shop.settings.build_file.unlink()
    assert shop.ingest().deliveries == ()
    assert shop.digest() == before
    assert shop.rows("select * from quarantine.rows") == quarantined


def test_a_rebuild_refuses_files_that_are_not_what_was_accepted(shop: Shop) -> None:
    folder = shop.deliver("2025-03-05", orders_csv=orders())
    shop.ingest()
    (folder / "orders.csv").write_text(orders(9))
    with pytest.raises(DamagedFile, match=r"orders\.csv"):
        shop.rebuild()


def test_rows_that_the_ledger_does_not_know_are_undone_first(shop: Shop) -> None:
    shop.deliver("2025-03-05", orders_csv=orders())
    shop.ingest()
    before = shop.digest()
    shop.ledger.close()
    # as if the process had died between the commit of the rows and the ledger
    shutil.rmtree(shop.settings.home / "ledger")
    again = Shop(shop.settings.home)
    assert len(again.ingest().accepted) == 1
    assert again.digest() == before
    again.ledger.close()


@pytest.mark.parametrize("batch", [1, 2, 100])
def test_the_result_does_not_depend_on_how_many_deliveries_are_taken_at_once(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr("warehouse.ingest.run.BATCH_DELIVERIES", batch)
    items = "order_id,line_number,quantity\n"
    shop.deliver("2025-03-05", orders_csv=orders(), items_csv=items + "o1,1,2\no12,1,1\n")
    shop.deliver("2025-03-06", orders_csv=orders(first=8, day="2025-03-06"), items_csv=items + "o12,1,1\n")
    shop.deliver("2025-03-07", orders_csv=orders().replace("fine", "paid"))
    shop.deliver("2025-03-08", orders_csv=orders())
    report = shop.ingest()
    found = [
        (o.status, o.rows_accepted, o.rows_quarantined, o.rows_duplicate, o.conflicts)
        for o in report.deliveries
    ]
    assert found == [
        ("accepted", 11, 1, 0, 0),
        ("accepted", 11, 0, 0, 3),
        ("accepted", 10, 0, 0, 10),
        ("duplicate", 0, 0, 10, 0),
    ]

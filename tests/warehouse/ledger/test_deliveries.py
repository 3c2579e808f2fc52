from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
import sqlalchemy as sa

from warehouse.ledger import Delivery, DeliveryFile, Ledger

DAY = date(2024, 3, 1)
FILE = DeliveryFile("2024-03-01/orders.csv", "orders", "a" * 64, 120, 10, 8, 1, 1)


def delivery(number: int, **changes: object) -> Delivery:
    made = Delivery(f"shop-{number}", number, "shop", DAY, DAY, "accepted", 10, 8, 1, 1)
    return replace(made, **changes)  # type: ignore[arg-type]


def test_a_delivery_comes_back_as_it_was_recorded(ledger: Ledger) -> None:
    moment = datetime(2024, 3, 1, 7, tzinfo=UTC)
    sent = delivery(
        1, quarantine_reasons={"bad_date": 1}, manifest_json='{"rows": 10}', reason="why", ingested_at=moment
    )
    assert ledger.record_delivery(sent, [FILE]) == sent
    assert ledger.delivery(sent.delivery_id) == sent
    assert ledger.files_of(sent.delivery_id) == (FILE,)


def test_a_delivery_and_its_files_are_recorded_together_or_not_at_all(ledger: Ledger) -> None:
    with pytest.raises(sa.exc.IntegrityError):
        ledger.record_delivery(delivery(1), [FILE, FILE])
    assert ledger.delivery("shop-1") is None
    assert ledger.files_of("shop-1") == ()


def test_an_accepted_delivery_stands(ledger: Ledger) -> None:
    first = ledger.record_delivery(delivery(1), [FILE])
    again = ledger.record_delivery(delivery(1, status="refused", rows_accepted=0), [])
    assert again == first
    assert ledger.files_of("shop-1") == (FILE,)


def test_a_refused_delivery_may_be_mended(ledger: Ledger) -> None:
    ledger.record_delivery(delivery(1, status="refused", reason="no header"), [FILE])
    ledger.record_delivery(delivery(1, delivery_number=2), [replace(FILE, sha256="b" * 64)])
    mended = ledger.delivery("shop-1")
    assert mended is not None
    assert (mended.status, mended.delivery_number, mended.reason) == ("accepted", 2, None)
    assert [file.sha256 for file in ledger.files_of("shop-1")] == ["b" * 64]


def test_only_accepted_deliveries_count_as_known(ledger: Ledger) -> None:
    ledger.record_delivery(delivery(1), [FILE])
    ledger.record_delivery(delivery(2, status="refused"), [replace(FILE, sha256="b" * 64)])
    ledger.record_delivery(delivery(3, source="other"), [replace(FILE, sha256="c" * 64)])
    assert ledger.delivery_numbers("shop") == frozenset({1})
    assert ledger.accepted_file_hashes("shop") == {("orders", "a" * 64): "shop-1"}


def test_a_file_that_came_twice_is_known_by_the_delivery_that_first_brought_it(ledger: Ledger) -> None:
    ledger.record_delivery(delivery(2), [FILE])
    ledger.record_delivery(delivery(1), [FILE])
    assert ledger.accepted_file_hashes("shop") == {("orders", "a" * 64): "shop-1"}


def test_deliveries_come_in_the_order_of_their_numbers(ledger: Ledger) -> None:
    run = ledger.begin_run("ingest", "shop", DAY)
    ledger.record_delivery(delivery(2, run_id=run.run_id), [])
    ledger.record_delivery(delivery(1, status="refused"), [])
    assert [found.delivery_number for found in ledger.deliveries("shop")] == [1, 2]
    assert [found.delivery_number for found in ledger.deliveries("shop", status="refused")] == [1]
    assert [found.delivery_number for found in ledger.deliveries("shop", run_id=run.run_id)] == [2]


def test_two_deliveries_cannot_have_one_number(ledger: Ledger) -> None:
    ledger.record_delivery(delivery(1), [])
    with pytest.raises(sa.exc.IntegrityError):
        ledger.record_delivery(delivery(1, delivery_id="another"), [])


def test_a_delivery_can_be_a_key(ledger: Ledger) -> None:
    recorded = ledger.record_delivery(delivery(1, quarantine_reasons={"bad_date": 1}), [])
    assert {recorded: "here"}[recorded] == "here"

"""A7: columns count by name; missing, renamed and repeated ones refuse the delivery, added ones are told."""

from pathlib import Path

import pytest

from tests.warehouse.ingest.shop import Shop, orders


def with_header(header: str) -> str:
    return orders().replace("order_id,user_id,ordered_at,amount,note", header)


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("order_id,user_id,ordered_at,total,note", "lacks 'amount'. It has 'total'"),
        ("order_id,user_id,ordered_at,amount,amount", "names 'amount' more than once"),
        ("order_id,user_id,ordered_at,amount,Note", "lacks 'note'. It has 'Note'"),
        ("order_id,user_id,ordered_at,amount", "lacks 'note'"),
    ],
)
def test_a7_missing_renamed_and_repeated_columns_refuse_the_delivery(
    tmp_path: Path, header: str, words: str
) -> None:
    shop = Shop(tmp_path)
    shop.deliver("2025-03-04", orders_csv=orders(day="2025-03-04"))
    shop.ingest()
    before = shop.digest()
    shop.deliver("2025-03-05", orders_csv=with_header(header))
    (refused,) = shop.ingest().refused
    assert f"orders.csv: the header {words}" in str(refused.reason)
    assert "To do: " in str(refused.reason)
    assert shop.digest() == before


def test_a7_another_order_of_columns_gives_the_same_rows(tmp_path: Path) -> None:
    plain, turned = Shop(tmp_path / "plain"), Shop(tmp_path / "turned")
    lines = [",".join(reversed(line.split(","))) for line in orders().splitlines()]
    plain.deliver("2025-03-05", orders_csv=orders())
    turned.deliver("2025-03-05", orders_csv="\n".join(lines) + "\n")
    plain.ingest()
    turned.ingest()
    assert plain.digest() == turned.digest()


def test_a7_an_added_column_is_ignored_and_told(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    lines = [f"{line},{'colour' if n == 0 else 'red'}" for n, line in enumerate(orders().splitlines())]
    shop.deliver("2025-03-05", orders_csv="\n".join(lines) + "\n")
    report = shop.ingest()
    assert report.rows_accepted == 10
    assert report.warnings == ("2025-03-05/orders.csv: nothing is declared for colour; ignored",)


def test_a7_a_renamed_key_of_json_lines_refuses_the_delivery(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.deliver(
        "2025-03-05", orders_jsonl='{"order_id": "1", "user": "u1", "ordered_at": "2025-03-05 10:00:00"}\n'
    )
    (refused,) = shop.ingest().refused
    assert "'user_id'" in str(refused.reason) and "'user' that nothing is declared for" in str(refused.reason)

"""Past days are built in batches that fit into memory."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.warehouse.dbt_makers import Shop
from warehouse import past_days
from warehouse.past_days import batches_of, build_past_days

FIRST = date(2026, 1, 4)
DAYS = [FIRST + timedelta(days=28 * number) for number in range(7)]


@pytest.mark.parametrize(
    ("users", "sizes"),
    [(0, [7]), (10, [7]), (50, [2, 2, 2, 1]), (100, [1] * 7), (5_000, [1] * 7)],
)
def test_a_batch_has_at_most_so_many_user_days_and_at_least_one_day(users: int, sizes: list[int]) -> None:
    batches = batches_of(DAYS, users, rows_at_once=100)
    assert [len(batch) for batch in batches] == sizes
    assert [day for batch in batches for day in batch] == DAYS


def test_no_days_are_no_batches() -> None:
    assert batches_of([], 10, rows_at_once=100) == []


def test_days_built_in_batches_have_the_rows_of_days_built_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = [
        {
            "order_id": f"o{number}",
            "user_id": f"u{number % 5}",
            "ordered_at": f"2026-01-{1 + number:02} 10:00:00",
            "status": "paid",
            "gross_amount": 10 + number,
            "currency": "CNY",
        }
        for number in range(20)
    ]
    days = [date(2026, 1, 10), date(2026, 1, 15), date(2026, 1, 20)]
    told: list[str] = []
    digests = []
    for name, rows_at_once in (("whole", 1_000), ("cut", 5)):
        shop = Shop(tmp_path / name)
        shop.deliver(date(2026, 1, 1), orders=orders)
        shop.build("features", days[0])
        monkeypatch.setattr(past_days, "ROWS_AT_ONCE", rows_at_once)
        builds = build_past_days(shop.settings, days, told.append)
        digests.append(shop.digest("features.user_features"))
        assert builds == (1 if name == "whole" else 3)
    assert digests[0] == digests[1]
    assert len(told) == 3

"""D6: refunds of old orders arrive after training; what was known stays, today's mart is corrected."""

from dataclasses import dataclass
from datetime import date, timedelta

import pandas as pd
import pytest

from ml.dataset import load_snapshots
from tests.warehouse.dbt_makers import Shop, random_deliveries
from warehouse.connections import open_build

FIRST_DAY = date(2024, 3, 1)
SNAPSHOT, TRAINED = date(2024, 3, 20), date(2024, 4, 29)
TODAY = TRAINED + timedelta(days=1)
HORIZON_DAYS = 30


@dataclass
class Corrected:
    """Training matrices and paid orders by user, before and after the correction came."""

    users: set[str]
    trained_on: pd.DataFrame
    trained_on_again: pd.DataFrame
    known_today: pd.DataFrame
    paid_before: dict[str, int]
    paid_today: dict[str, int]


@pytest.fixture(scope="module")
def corrected(tmp_path_factory: pytest.TempPathFactory) -> Corrected:
    shop = Shop(tmp_path_factory.mktemp("corrected") / "home")
    days = (TRAINED - FIRST_DAY).days + 1
    for known_on, tables in random_deliveries(FIRST_DAY, days, users=30, seed=6):
        shop.deliver(known_on, **tables)
    shop.build("features", SNAPSHOT, TRAINED)
    shop.build("labels", TRAINED)
    trained_on = _matrix(shop, TRAINED)
    paid_before = _paid_orders(shop, TRAINED)

    users = _refund_everything_of_some(shop)
    shop.build("features", SNAPSHOT, TODAY, full_refresh=True)
    shop.build("labels", TRAINED, TODAY)
    return Corrected(
        users,
        trained_on,
        _matrix(shop, TRAINED),
        _matrix(shop, TODAY),
        paid_before,
        _paid_orders(shop, TODAY),
    )


def _refund_everything_of_some(shop: Shop) -> set[str]:
    """Deliver today that the paid orders of ten users, old and new, were refunded."""
    columns = "order_id, user_id, ordered_at, gross_amount, discount_amount, currency"
    names = columns.split(", ")
    rows = shop.rows(
        f"select {columns} from raw.sample_shop__orders "
        "where status = 'paid' and user_id < 'u18' order by all"
    )
    shop.deliver(TODAY, orders=[dict(zip(names, row, strict=True)) | {"status": "refunded"} for row in rows])
    return {str(row[1]) for row in rows}


def _matrix(shop: Shop, known_on: date) -> pd.DataFrame:
    with open_build(shop.settings) as connection:
        return load_snapshots(
            connection, [SNAPSHOT], horizon_days=HORIZON_DAYS, label_known_on=known_on
        ).frame


def _paid_orders(shop: Shop, day: date) -> dict[str, int]:
    query = "select user_id, paid_orders_365d from features.user_features where as_of_date = ?"
    return {str(user): int(orders) for user, orders in shop.rows(query, day)}


def test_d6_the_training_matrix_of_a_day_stays_as_it_was_known(corrected: Corrected) -> None:
    assert corrected.users & set(corrected.trained_on["user_id"])
    pd.testing.assert_frame_equal(corrected.trained_on_again, corrected.trained_on)


def test_d6_labels_taken_today_know_the_correction(corrected: Corrected) -> None:
    then = corrected.trained_on.set_index("user_id")["churned"]
    now = corrected.known_today.set_index("user_id")["churned"]
    changed = set(then.index[then != now.reindex(then.index)])
    assert changed
    assert changed <= corrected.users


def test_d6_todays_features_are_corrected_and_those_of_others_are_not(corrected: Corrected) -> None:
    assert any(corrected.paid_before[user] for user in corrected.users)
    assert {corrected.paid_today[user] for user in corrected.users} == {0}
    others = set(corrected.paid_before) - corrected.users
    assert any(corrected.paid_before[user] for user in others)
    assert {user: corrected.paid_today[user] for user in others} == {
        user: corrected.paid_before[user] for user in others
    }

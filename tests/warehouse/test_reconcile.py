"""The books are told as they are, and a missing row or penny is seen."""

import dataclasses
import shutil
from datetime import date

import duckdb
import pytest

from tests.warehouse.ingest.shop import DECLARATION, HEADER, Shop, orders
from warehouse.errors import ContractBreach
from warehouse.reconcile import reconcile
from warehouse.settings import REPOSITORY

WITH_MONEY = DECLARATION.replace(
    "event_time: ordered_at", "event_time: ordered_at\n            money: amount"
)


@pytest.fixture
def shop(tmp_path):
    trial = Shop(tmp_path, WITH_MONEY)
    yield trial
    trial.ledger.close()


def told(shop: Shop) -> dict[tuple[str, str], str]:
    facts = reconcile(shop.settings, shop.ledger).facts
    assert len({(fact.table_name, fact.rule) for fact in facts}) == len(facts) > 0
    return {(fact.table_name, fact.rule): fact.observed for fact in facts}


def test_rows_and_money_of_every_table_are_added_up(shop: Shop) -> None:
    row = "o1,u1,2025-03-05 10:00:00,12.50,\n"
    bad = "o2,u1,2025-03-05 10:00:00,a lot,\n"
    shop.deliver("2025-03-05", orders_csv=HEADER + row + row + bad)
    shop.deliver("2025-03-06", orders_csv=HEADER + "o3,u1,2025-03-06 10:00:00,0.05,\n")
    shop.ingest()
    assert told(shop) == {
        ("orders", "rows_are_accounted_for"): (
            "4 rows received = 2 accepted + 1 quarantined + 1 exact duplicates"
        ),
        ("orders", "quarantined_not_a_number"): "1",
        ("orders", "money_received"): "25.05 GBP received = 12.55 accepted + 12.50 exact duplicates",
        **{
            (table, "rows_are_accounted_for"): (
                "0 rows received = 0 accepted + 0 quarantined + 0 exact duplicates"
            )
            for table in ("items", "visits", "people")
        },
    }


def test_a_file_that_came_twice_counts_twice_as_received(shop: Shop) -> None:
    repeated = orders(2) + "o2,u2,2025-03-05 10:00:02,2.50,fine\n"
    shop.deliver("2025-03-05", orders_csv=repeated)
    shop.deliver("2025-03-06", orders_csv=repeated, orders2_csv=orders(1, "2025-03-06", 7))
    shop.deliver("2025-03-07", orders_csv=repeated)
    shop.ingest()
    found = told(shop)
    assert found["orders", "rows_are_accounted_for"].startswith(
        "10 rows received = 3 accepted + 0 quarantined"
    )
    assert found["orders", "money_received"] == "27.00 GBP received = 11.50 accepted + 15.50 exact duplicates"


def test_a_refused_delivery_counts_nowhere(shop: Shop) -> None:
    shop.deliver("2025-03-05", orders_csv=orders(3))
    shop.deliver(
        "2025-03-06", orders_csv=HEADER.replace("amount", "total") + "o9,u1,2025-03-06 10:00:00,1,\n"
    )
    shop.ingest()
    assert told(shop)["orders", "rows_are_accounted_for"].startswith("3 rows received = 3 accepted")


@pytest.mark.parametrize(
    "loss",
    [
        "delete from raw.shop__orders where order_id = 'o1'",
        "delete from quarantine.rows",
        "delete from control.exact_duplicates",
    ],
)
def test_a_row_that_is_gone_is_seen(shop: Shop, loss: str) -> None:
    row = "o1,u1,2025-03-05 10:00:00,12.50,\n"
    shop.deliver("2025-03-05", orders_csv=HEADER + row + row + "o2,u1,2025-03-05 10:00:00,a lot,\n")
    shop.ingest()
    assert reconcile(shop.settings, shop.ledger).failures == ()
    with duckdb.connect(str(shop.settings.build_file)) as connection:
        connection.execute(loss)
    (failure,) = reconcile(shop.settings, shop.ledger).failures
    assert "expected 3 rows received" in failure.sentence
    assert "WRONG" in str(reconcile(shop.settings, shop.ledger))


def test_nothing_ingested_is_nothing_to_reconcile(shop: Shop) -> None:
    with pytest.raises(ContractBreach, match="No delivery of shop was accepted yet"):
        reconcile(shop.settings, shop.ledger)


@pytest.mark.parametrize(
    ("definition_id", "told_of_users"),
    [
        ("paid_order_90d", "3 with a paid order in the last 180 days"),
        ("one_time_buyers_90d", "2 with a paid order in the last 180 days, on at most 1 days in life"),
        ("personal", "1 with a paid order in the last 180 days, on at least 4 days in life"),
        ("paid_order_90d_active_90d", "2 with a paid order in the last 90 days"),
    ],
)
def test_eligible_users_are_those_of_the_definition_in_force(
    shop: Shop, definition_id: str, told_of_users: str
) -> None:
    day = date(2025, 3, 5)
    shop.deliver(str(day), orders_csv=orders(1))
    shop.ingest()
    shutil.copytree(REPOSITORY / "dbt_project" / "seeds", shop.settings.dbt_project / "seeds")
    shop.ledger.record_built_day(shop.ledger.begin_run("features", "shop", day))
    with duckdb.connect(str(shop.settings.build_file)) as connection:
        # twice on one day, four times, long ago, and one who came after the day
        connection.execute(
            "create schema intermediate; create table intermediate.int_orders_valued as "
            f"select user_id, date '{day}' - age as order_date, date '{day}' - age as known_on, "
            "cast(null as date) as superseded_on, true as is_paid, 5.0 as net_amount, 5.0 as gross_amount "
            "from (values ('twice', 3), ('twice', 3), ('often', 400), ('often', 9), ('often', 8), "
            "('often', 7), ('quiet', 120), ('gone', 200), ('later', -1)) as buys (user_id, age)"
        )
    settings = dataclasses.replace(shop.settings, definition_id=definition_id)
    facts = {fact.rule: fact.observed for fact in reconcile(settings, shop.ledger).facts}
    assert facts["eligible_users"] == told_of_users


@pytest.mark.parametrize(
    ("money", "sql"),
    [
        ("amount", 'coalesce("amount", 0)'),
        ('2 * ("amount" - tax)', '2  *  ( coalesce("amount", 0) -  coalesce("tax", 0) ) '),
    ],
)
def test_money_is_arithmetic_over_declared_numbers(shop: Shop, money: str, sql: str) -> None:
    from warehouse.sources import load_source

    declaration = WITH_MONEY.replace("money: amount", f"money: '{money}'").replace(
        "- {name: note", "- {name: tax, data_type: decimal}\n          - {name: note"
    )
    shop.declare(declaration)
    table = load_source("shop", shop.settings.dbt_project).table("orders")
    assert table.money is not None
    assert table.money.split() == sql.split()


@pytest.mark.parametrize(
    "money",
    [
        "note",
        "amuont",
        "amount; drop table x",
        "amount +",
        "(amount",
        "sum(amount)",
        "amount amount",
        "1 // 2",
        "",
    ],
)
def test_anything_else_is_refused_with_its_place(shop: Shop, money: str) -> None:
    from warehouse.sources import load_source

    shop.declare(WITH_MONEY.replace("money: amount", f"money: '{money}'"))
    with pytest.raises(ContractBreach, match="orders: `money` cannot be used"):
        load_source("shop", shop.settings.dbt_project)

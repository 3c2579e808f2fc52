"""docs/bring-your-data.md, followed to the letter: its own YAML and SQL, on a small shop of its kind."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest

from warehouse.connections import open_build
from warehouse.dbt_project import dbt_vars, run_dbt
from warehouse.ingest import ingest
from warehouse.landing import land
from warehouse.ledger import Ledger
from warehouse.reconcile import reconcile
from warehouse.settings import REPOSITORY, Settings

pytestmark = pytest.mark.slow

PAGE = (REPOSITORY / "docs" / "bring-your-data.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"^`([\w/.]+)`\n\n```\w+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
EXPORT_DAY, EARLIER_DAY = date(2025, 6, 30), date(2025, 3, 31)
CUSTOMERS, NAMES_NO_PRODUCTS = 12, 4


@dataclass(frozen=True)
class OwnSettings(Settings):
    """Settings whose dbt project is a copy with the newcomer's folder in it."""

    @property
    def dbt_project(self) -> Path:
        return self.home / "dbt_project"


def write_export(folder: Path) -> None:
    """Write the page's three files: its own sample rows, then a small shop's.

    Customer n buys on the first of every month from January 2024, 2n times; K000017, the page's
    own, bought once.
    """
    folder.mkdir(parents=True)
    files = {name: BLOCKS[f"export/{name}.csv"] for name in ("kunden", "bestellungen", "positionen")}
    for customer in range(1, CUSTOMERS + 1):
        files["kunden"] += f"K{customer};Name {customer};01.01.2024 00:00;AT;\n"
        product = "" if customer == NAMES_NO_PRODUCTS else "A-1"
        for month in range(2 * customer):
            day = date(2024 + month // 12, month % 12 + 1, 1)
            if day <= EXPORT_DAY:
                number = f"B{customer:02}{month:02}"
                # half past midnight: in UTC still the day before
                files["bestellungen"] += f"{number};K{customer};{day:%d.%m.%Y} 00:30;bezahlt;20,50;0,50\n"
                files["positionen"] += f"{number};1;{product};2;10,25\n"
    files["bestellungen"] += "B9999;K1;30.06.2025 12:00;storniert;99,00;\nB9998;K1;gestern;bezahlt;1,00;0\n"
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")


def build(settings: Settings, selector: str, *days: date) -> None:
    arguments = ["build", "--quiet", "--resource-type", "model", "--resource-type", "seed"]
    run_dbt(settings, [*arguments, "--selector", selector], dbt_vars(settings, days, label_step_days=1))


def features(settings: Settings, *days: date) -> list[tuple[object, ...]]:
    query = (
        "select * from features.user_features where list_contains(?, as_of_date) order by as_of_date, user_id"
    )
    with open_build(settings) as connection:
        return connection.execute(query, [list(days)]).fetchall()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[OwnSettings, Ledger]]:
    home = tmp_path_factory.mktemp("home")
    settings = OwnSettings(home=home, source="my_shop", ledger_url=f"sqlite:///{home}/ledger/ledger.db")
    shutil.copytree(REPOSITORY / "dbt_project", settings.dbt_project)
    written = [path for path in BLOCKS if path.startswith("dbt_project/")]
    assert len(written) == 4
    for path in written:
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_text(BLOCKS[path], encoding="utf-8")
    write_export(home / "export")
    land(settings, home / "export", day=EXPORT_DAY, history=True, progress=lambda _: None)
    ledger = Ledger.open(settings)
    assert ingest(settings, ledger, progress=lambda _: None).refused == ()
    build(settings, "features", EARLIER_DAY, EXPORT_DAY)
    ledger.record_built_day(ledger.begin_run("features", "my_shop", EXPORT_DAY))
    yield settings, ledger
    ledger.close()


def test_the_pages_rows_are_read_as_they_are_meant(shop: tuple[OwnSettings, Ledger]) -> None:
    with open_build(shop[0]) as connection:
        order = connection.execute(
            "select user_id, ordered_at, status, gross_amount, discount_amount, currency, known_on "
            "from staging.stg_my_shop__orders where order_id = 'B0000042'"
        ).fetchall()
        line = connection.execute(
            "select product_id, quantity, unit_price from staging.stg_my_shop__order_items "
            "where order_id = 'B0000042'"
        ).fetchall()
        user = connection.execute(
            "select signed_up_at, country, birth_year, known_on from staging.stg_my_shop__users "
            "where user_id = 'K000017'"
        ).fetchall()
        rejected = connection.execute("select reason_code, value from quarantine.rows").fetchall()
    assert [tuple(map(str, row)) for row in (*order, *line, *user)] == [
        ("K000017", "2024-12-31 22:59:00", "paid", "1234.5600", "10.0000", "EUR", "2024-12-31"),
        ("A-100", "2", "617.2800"),
        ("2024-01-02 07:15:00", "DE", "1985", "1900-01-01"),
    ]
    assert rejected == [("not_a_time", "gestern")]


def test_an_earlier_day_sees_the_history_that_it_would_have_known(shop: tuple[OwnSettings, Ledger]) -> None:
    with open_build(shop[0]) as connection:
        found = connection.execute(
            "select as_of_date, user_id, is_eligible, paid_orders_365d, net_amount_365d, "
            "days_since_last_paid_order, distinct_products_365d from features.user_features "
            "where user_id in ('K4', 'K7', 'K12') order by as_of_date, user_id"
        ).fetchall()
    expected = []
    for day in (EARLIER_DAY, EXPORT_DAY):
        for customer in (12, 4, 7):
            months = [date(2024 + m // 12, m % 12 + 1, 1) for m in range(2 * customer)]
            seen = [one for one in months if one <= day]
            year = [one for one in seen if one > day - timedelta(days=365)]
            since = (day - seen[-1]).days
            products = None if customer == NAMES_NO_PRODUCTS else 1
            bought = (len(year), 20.0 * len(year), since, products)
            expected.append((day, f"K{customer}", since < 180, *bought))
    assert found == expected


def test_labels_of_an_earlier_day_see_the_history(shop: tuple[OwnSettings, Ledger]) -> None:
    settings, _ = shop
    build(settings, "labels", EXPORT_DAY)
    with open_build(settings) as connection:
        found = connection.execute(
            "select user_id, churned from features.training_labels "
            "semi join (from features.user_features where is_eligible) using (as_of_date, user_id) "
            "where as_of_date = ? and horizon_days = 90 and label_kind = 'paid_order' order by 1",
            [EARLIER_DAY],
        ).fetchall()
    # eligible: a purchase after 2 October 2024; customers 8 and up bought again after March 2025
    assert found == [("K000017", True), ("K10", False), ("K11", False), ("K12", False)] + [
        (f"K{customer}", customer < 8) for customer in (6, 7, 8, 9)
    ]


def test_the_books_come_out(shop: tuple[OwnSettings, Ledger]) -> None:
    result = reconcile(*shop, EARLIER_DAY)
    assert result.failures == ()
    told = {(fact.table_name, fact.rule): fact.observed for fact in result.facts}
    assert told["users", "churn_within_90_days"] == "0.375 (3 of 8)"
    assert told["user_features", "eligible_users"].startswith("8 with a paid order")


def test_a_day_after_the_history_costs_no_earlier_day_its_rows(shop: tuple[OwnSettings, Ledger]) -> None:
    settings, ledger = shop
    before = features(settings, EARLIER_DAY, EXPORT_DAY)
    assert len(before) == 23
    day = EXPORT_DAY + timedelta(days=1)
    (settings.home / "daily").mkdir()
    for name, rows in {
        "bestellungen": (
            "B1217;K12;01.06.2025 00:30;erstattet;20,50;0,50\nN1;K1;01.07.2025 09:00;bezahlt;7,00;\n"
        ),
        "positionen": "N1;1;A-1;1;7,00\n",
    }.items():
        header = BLOCKS[f"export/{name}.csv"].splitlines()[0]
        (settings.home / "daily" / f"{name}-{day}.csv").write_text(f"{header}\n{rows}")
    land(settings, settings.home / "daily", progress=lambda _: None)
    assert ingest(settings, ledger, progress=lambda _: None).refused == ()
    build(settings, "features", EARLIER_DAY, EXPORT_DAY, day)
    assert features(settings, EARLIER_DAY, EXPORT_DAY) == before
    with open_build(settings) as connection:
        versions = connection.execute(
            "select status, known_on, superseded_on from staging.stg_my_shop__orders "
            "where order_id = 'B1217' order by known_on"
        ).fetchall()
        newest = connection.execute(
            "select days_since_last_paid_order from features.user_features "
            "where as_of_date = ? and user_id in ('K1', 'K12') order by user_id",
            [day],
        ).fetchall()
    assert versions == [("paid", date(2025, 6, 1), day), ("refunded", day, None)]
    assert newest == [(0,), ((day - date(2025, 5, 1)).days,)]

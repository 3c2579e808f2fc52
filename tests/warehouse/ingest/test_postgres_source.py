"""A shop that lives in PostgreSQL is fetched day by day, through a real server."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import psycopg
import pytest

from tests.warehouse.ingest.shop import DECLARATION, Shop
from warehouse.errors import Busy, ContractBreach
from warehouse.ingest.postgres_source import extract_day, land_missing_days
from warehouse.sources import load_source

INDENT = "\n            "
CURSOR = INDENT + "cursor_column: changed_at"
POSTGRES = (
    DECLARATION.replace(
        "time_zone: Europe/London",
        "time_zone: Asia/Shanghai\n        kind: postgres\n        url_variable: SHOP_URL",
    )
    .replace('["orders*"]', f'["orders*"]{INDENT}relation: trial.orders{CURSOR}')
    .replace('["items*"]', f'["items*"]{INDENT}query: "select * from trial.items"')
    .replace('["visits*"]', '["visits*"], relation: trial.visits')
    .replace('["people*"]', '["people*"], relation: trial.people')
)
TABLES = """
drop schema if exists trial cascade;
create schema trial;
create table trial.orders (order_id bigint, user_id text, ordered_at timestamptz,
    amount numeric(12, 2), note text,
    changed_at timestamptz);
create table trial.items (order_id bigint, line_number int, quantity int);
create table trial.visits (at timestamptz, page text);
create table trial.people (user_id text, email text, birth_year int);
insert into trial.orders values
    (1, '007', '2025-03-05 00:00:00+08', 12.50, 'first of the day', '2025-03-05 00:00:00+08'),
    (2, 'u2', '2025-03-05 23:59:59+08', 1.00, null, '2025-03-05 23:59:59+08'),
    (3, 'u3', '2025-03-06 00:00:00+08', 7.00, 'the day after', '2025-03-06 00:00:00+08');
insert into trial.items values (1, 1, 2), (2, 1, 1);
"""


@pytest.fixture
def url(postgres_server: str) -> Iterator[str]:
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(TABLES)
    yield postgres_server
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute("drop schema trial cascade")


@pytest.fixture
def postgres_shop(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    monkeypatch.setenv("SHOP_URL", url)
    trial = Shop(tmp_path, POSTGRES)
    yield trial
    trial.ledger.close()


def test_a_day_of_postgres_rows_is_fetched_and_ingested(postgres_shop: Shop) -> None:
    report = postgres_shop.ingest(through=date(2025, 3, 5))
    assert report.accepted_by_table == {"orders": 2, "items": 2, "visits": 0, "people": 0}
    assert postgres_shop.rows(
        "select order_id, user_id, ordered_at::varchar, amount::varchar, note "
        "from raw.shop__orders order by 1"
    ) == [
        ("1", "007", "2025-03-04 16:00:00", "12.5000", "first of the day"),
        ("2", "u2", "2025-03-05 15:59:59", "1.0000", None),
    ]


def test_the_next_days_are_fetched_once_and_unchanged_rows_are_duplicates(
    postgres_shop: Shop, url: str
) -> None:
    postgres_shop.ingest(through=date(2025, 3, 5))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("insert into trial.items values (3, 1, 5)")
    report = postgres_shop.ingest(through=date(2025, 3, 6))
    assert report.accepted_by_table == {"orders": 1, "items": 1, "visits": 0, "people": 0}
    assert postgres_shop.ingest(through=date(2025, 3, 6)).deliveries == ()


def test_a_database_that_cannot_be_reached_is_said_without_its_password(postgres_shop: Shop) -> None:
    source = load_source("shop", postgres_shop.settings.dbt_project)
    with pytest.raises(Busy) as caught:
        extract_day(
            postgres_shop.settings,
            source,
            date(2025, 3, 5),
            environment={"SHOP_URL": "postgresql://ann:s3cret@127.0.0.1:1/shop"},
        )
    assert "SHOP_URL" in str(caught.value) and "s3cret" not in str(caught.value)
    assert list(postgres_shop.settings.landing.iterdir()) == []


def test_a_missing_url_and_a_missing_column_are_named(postgres_shop: Shop, url: str) -> None:
    source = load_source("shop", postgres_shop.settings.dbt_project)
    with pytest.raises(ContractBreach, match="SHOP_URL is not set"):
        land_missing_days(postgres_shop.settings, source, date(2025, 3, 5), environment={})
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("alter table trial.orders rename column note to remark")
    with pytest.raises(ContractBreach, match="orders cannot be read from PostgreSQL"):
        land_missing_days(postgres_shop.settings, source, date(2025, 3, 5))

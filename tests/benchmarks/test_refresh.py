"""The large shop of the benchmark of refreshes is the small one, so many times."""

from pathlib import Path

import pytest

from benchmarks import refresh
from benchmarks.shop import settings_of
from warehouse.connections import open_build
from warehouse.ingest.tables import prepare_tables
from warehouse.sources import load_source


def test_every_user_stands_there_so_many_times_with_their_own_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refresh, "DAY_TABLES", ())
    settings = settings_of(tmp_path)
    settings.build_file.parent.mkdir(parents=True)
    with open_build(settings) as connection:
        prepare_tables(connection, load_source("sample_shop"))
        connection.execute(
            "insert into raw.sample_shop__orders (order_id, user_id, status) values ('o1', 'anna', 'paid');"
            "insert into raw.sample_shop__order_items (order_id, line_number, product_id) "
            "values ('o1', 1, 'p1');"
            "insert into raw.sample_shop__products (product_id) values ('p1')"
        )
        refresh._multiply(connection, settings, 3)
        bought = connection.execute(
            "select user_id, order_id, product_id from raw.sample_shop__orders "
            "inner join raw.sample_shop__order_items using (order_id) "
            "inner join raw.sample_shop__products using (product_id) order by user_id"
        ).fetchall()
    assert bought == [("anna", "o1", "p1"), ("anna-1", "o1-1", "p1"), ("anna-2", "o1-2", "p1")]

"""Tables that dbt reads are there before anything was written to them."""

import duckdb
import pytest

from ml.tables import BACKTEST, HEALTH, REPORT, TABLES, prepare_tables


@pytest.fixture
def build():
    with duckdb.connect(":memory:") as connection:
        connection.execute("create schema ml")
        yield connection


def columns_of(build, table):
    return [row[0] for row in build.execute(f"describe {table}").fetchall()]


def test_every_table_is_made_with_its_columns(build):
    prepare_tables(build)
    assert TABLES
    for table, columns in TABLES.items():
        assert columns_of(build, table) == list(columns)


def test_what_was_written_stays(build):
    prepare_tables(build)
    build.execute(
        f"insert into {HEALTH} (as_of_date, model_version, definition_id, check_kind, subject, "
        "is_alarm, sample_size, message, run_id) "
        "values ('2011-09-09', 'm', 'd', 'lift', 's', false, 9, 'm', 'r')"
    )
    prepare_tables(build)
    assert build.execute(f"select count(*) from {HEALTH}").fetchone() == (1,)


def test_a_table_of_an_earlier_version_gains_what_it_lacks(build):
    build.execute(
        f"create table {REPORT} as select 'model-1' as model_version, 'roc_auc' as metric, 0.7 as value"
    )
    prepare_tables(build)
    assert set(columns_of(build, REPORT)) == set(TABLES[REPORT])
    found = build.execute(f"select model_version, value, definition_id from {REPORT}").fetchall()
    assert [(version, float(value), definition) for version, value, definition in found] == [
        ("model-1", 0.7, None)
    ]


def test_a_row_without_what_every_row_must_say_is_refused(build):
    prepare_tables(build)
    with pytest.raises(duckdb.ConstraintException, match="NOT NULL"):
        build.execute(f"insert into {BACKTEST} (model_version) values ('model-1')")

"""The dialect keeps its promises to Great Expectations; red when either changes under it."""

from pathlib import Path

import duckdb
import pytest
import sqlalchemy as sa

from expectations.duckdb_sqlalchemy import BufferedDialect, let_go, register
from expectations.library import great_expectations


@pytest.fixture
def url(tmp_path: Path) -> str:
    path = tmp_path / "numbers.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create table numbers as select i, i % 7 as small from range(5000) t(i)")
    return f"duckdb:///{path}?access_mode=read_only"


def test_a_result_outlives_its_connection(url: str) -> None:
    register()
    engine = sa.create_engine(url)
    assert isinstance(engine.dialect, BufferedDialect)
    with engine.connect() as connection:
        result = connection.execute(sa.text("select i from numbers order by i"))
        other = connection.execute(sa.text("select count(*) from numbers"))
    assert len(result.fetchall()) == other.scalar() == 5000
    let_go()


def test_great_expectations_reads_what_is_there(url: str) -> None:
    register()
    gx = great_expectations()
    rules = gx.expectations
    context = gx.get_context(mode="ephemeral")
    source = context.data_sources.add_sql("numbers", connection_string=url, create_temp_table=False)
    asset = source.add_query_asset("numbers", query="select * from numbers where small > 0")
    suite = gx.ExpectationSuite(
        name="numbers",
        expectations=[
            rules.ExpectTableRowCountToEqual(value=4285),
            rules.ExpectColumnDistinctValuesToBeInSet(column="small", value_set=[1, 2, 3, 4, 5, 6]),
            rules.ExpectColumnProportionOfNonNullValuesToBeBetween(column="i", min_value=1),
            rules.UnexpectedRowsExpectation(
                unexpected_rows_query="select i as observed from {batch} where i > 4996"
            ),
        ],
    )
    batch = asset.add_batch_definition_whole_table("whole").get_batch()
    result = batch.validate(suite, result_format="COMPLETE")
    found = {one.expectation_config.type: one for one in result.results}
    assert [one.success for one in result.results].count(True) == 3
    rows = found["unexpected_rows_expectation"].result["details"]["unexpected_rows"]
    assert [row["observed"] for row in rows] == [4997, 4999]
    let_go()


def test_a_file_can_be_written_once_it_is_let_go(url: str, tmp_path: Path) -> None:
    register()
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        connection.execute(sa.text("select 1"))
    path = str(tmp_path / "numbers.duckdb")
    with pytest.raises(duckdb.Error):
        duckdb.connect(path)
    let_go()
    duckdb.connect(path).close()

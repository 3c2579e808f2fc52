"""G14: what an analyst asks reads the published tables; it reaches no file, no setting and no end of time."""

import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.warehouse.publish.tiny_build import begin_and_build, fast_home, tiny_settings
from warehouse.errors import ContractBreach
from warehouse.ledger import Ledger
from warehouse.publish import publish
from warehouse.reading import open_published
from warehouse.settings import Settings
from warehouse.shell import Limits, open_session

CANARY = "canary-4711"
#: {there} is a folder with a file that must not be read; nothing else may appear in it.
ESCAPES = (
    "copy (select 1) to '{there}/out.csv'",
    "copy user_risk_tiers to '{there}/out.parquet' (format parquet)",
    "copy (select 1) to '/dev/stdout'",
    "copy user_risk_tiers from '{there}/secret.csv'",
    "export database '{there}/exported'",
    "import database '{there}'",
    "select * from read_text('{there}/secret.csv')",
    "select * from read_blob(['{there}/secret.csv'])",
    "select * from read_csv('{there}/secret.csv')",
    "select * from read_json('{there}/secret.csv')",
    "select * from sniff_csv('{there}/secret.csv')",
    "select * from parquet_scan('{there}/secret.csv')",
    "select * from '{there}/secret.csv'",
    "select * from glob('{there}/*')",
    "select * from query('select * from read_text(''{there}/secret.csv'')')",
    "attach '{there}/other.duckdb' as other",
    "attach ':memory:' as other",
    "install httpfs",
    "load httpfs",
    "load '{there}/secret.csv'",
    "update extensions",
    "select getenv('HOME')",
    "pragma temp_directory = '{there}'",
    "pragma enable_profiling = 'json'",
    "pragma profiling_output = '{there}/profile.json'",
    "set enable_external_access = true",
    "set lock_configuration = false",
    "reset lock_configuration",
    "set global temp_directory = '{there}'",
    "set threads = 64",
    "set memory_limit = '100GB'",
    "set profiling_output = '{there}/profile.json'",
    "set log_query_path = '{there}/queries.log'",
    "set extension_directory = '{there}'",
    "create persistent secret s (type http, bearer_token 'x')",
    "create table mine as select 1",
    "delete from user_risk_tiers",
    "update user_risk_tiers_history set risk_tier = 'low'",
    "drop table user_risk_tiers_history",
    "select * from outer_variable",
)
#: Harmless to DuckDB, and refused by the shell: it reads and does nothing else.
REFUSED_BY_THE_SHELL = (
    "checkpoint",
    "vacuum",
    "load json",
    "begin",
    "pragma enable_profiling",
    "call enable_logging(storage = 'file', storage_path = '{there}/log.csv')",
    "from enable_logging(storage = 'file', storage_path = '{there}/log.csv')",
    "select 1; call pragma_version()",
    "explain analyze copy (select 1) to '{there}/out.csv'",
)
ENDLESS = (
    "with recursive n as (select 1 as i union all select i + 1 from n) select count(*) from n",
    "select sum(a.range * b.range) from range(10000000) as a, range(10000000) as b",
)
outer_variable = [CANARY]


@pytest.fixture(scope="module")
def settings() -> Iterator[Settings]:
    with fast_home() as home:
        made = tiny_settings(home)
        with Ledger.open(made) as ledger:
            publish(made, ledger, begin_and_build(made, ledger))
        yield made


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a secret, and a home folder in which nothing may appear either."""
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "secret.csv").write_text(f"a,b\n{CANARY},2\n")
    return tmp_path


def everything(*folders: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path): (path.stat().st_size, path.stat().st_mtime_ns)
        for folder in folders
        for path in folder.rglob("*")
    }


@pytest.fixture
def unchanged(settings: Settings, there: Path) -> Iterator[None]:
    before = everything(settings.published, there)
    assert len(before) > 6
    yield
    assert everything(settings.published, there) == before


@pytest.mark.parametrize("statement", ESCAPES)
def test_g14_a_published_file_opened_for_servers_lets_nothing_out(
    settings: Settings, there: Path, unchanged: None, statement: str
) -> None:
    connection = open_published(
        settings.published / "current" / "holdfast.duckdb", threads=1, memory_limit="256MB"
    )
    try:
        with pytest.raises(duckdb.Error) as raised:
            connection.execute(statement.format(there=there)).fetchall()
        assert CANARY not in str(raised.value)
        assert connection.execute("select count(*) from user_risk_tiers").fetchall() == [(5,)]
    finally:
        connection.close()


@pytest.mark.parametrize("statement", [*ESCAPES, *REFUSED_BY_THE_SHELL])
def test_g14_the_shell_refuses_and_goes_on(
    settings: Settings, there: Path, unchanged: None, statement: str
) -> None:
    with open_session(settings, Limits(seconds=5, rows=10)) as session:
        with pytest.raises(ContractBreach) as raised:
            for one in session.statements(statement.format(there=there)):
                session.run(one)
        assert CANARY not in str(raised.value)
        (after,) = session.statements("select count(*) from user_risk_tiers")
        assert session.run(after).rows == ((5,),)


@pytest.mark.parametrize("statement", ENDLESS)
def test_g14_a_statement_without_end_is_interrupted_at_the_set_time(
    settings: Settings, unchanged: None, statement: str
) -> None:
    with open_session(settings, Limits(seconds=1.0)) as session:
        (endless,) = session.statements(statement)
        began = time.monotonic()
        with pytest.raises(ContractBreach, match="stopped: it took too long"):
            session.run(endless)
        assert 0.9 < time.monotonic() - began < 3.0
        (after,) = session.statements("select 1")
        assert session.run(after).rows == ((1,),)


def test_g14_of_a_result_without_end_only_the_first_rows_are_made(settings: Settings) -> None:
    with open_session(settings, Limits(seconds=20.0, rows=5)) as session:
        (statement,) = session.statements("select * from range(1000000000000)")
        began = time.monotonic()
        assert session.run(statement).is_cut
        assert time.monotonic() - began < 5.0

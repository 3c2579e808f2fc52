import stat
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from warehouse.errors import SettingsError
from warehouse.ledger import Ledger, LedgerError
from warehouse.ledger.store import MIGRATIONS
from warehouse.ledger.tables import HEAD, metadata
from warehouse.settings import Settings

OPEN_AND_BEGIN = """
import sys
from datetime import date
from warehouse.ledger import Ledger
with Ledger(sys.argv[1]) as ledger:
    for _ in range(10):
        print(ledger.begin_run("score", "shop", date(2024, 3, 1)).epoch, ledger.next_delivery_number())
"""


def test_the_migrations_make_exactly_the_tables_that_the_code_uses(ledger: Ledger) -> None:
    with ledger.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    assert "deliveries" in metadata.tables


def test_the_code_expects_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_opening_a_ledger_again_keeps_what_is_in_it(ledger_url: str) -> None:
    with Ledger(ledger_url) as first:
        number = first.next_delivery_number()
    with Ledger(ledger_url) as second:
        assert second.next_delivery_number() == number + 1


@pytest.mark.parametrize(("keeps_connections", "opened"), [(True, 1), (False, 3)])
def test_a_server_keeps_its_connection_and_a_task_does_not(
    ledger_url: str, keeps_connections: bool, opened: int
) -> None:
    connects: list[object] = []
    with Ledger(ledger_url, keeps_connections=keeps_connections) as ledger:
        ledger.engine.dispose()
        sa.event.listen(ledger.engine, "connect", lambda *_: connects.append(1))
        numbers = [ledger.next_delivery_number() for _ in range(3)]
    assert len(set(numbers)) == 3
    assert len(connects) == opened


def test_processes_that_open_a_new_ledger_at_once_all_succeed_and_share_no_number(ledger_url: str) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN_AND_BEGIN, ledger_url],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    outputs = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], outputs
    pairs = [line.split() for output, _ in outputs for line in output.splitlines()]
    assert len(pairs) == 30
    assert len({epoch for epoch, _ in pairs}) == 30
    assert len({number for _, number in pairs}) == 30


def test_sqlite_is_durable_and_for_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "ledger" / "ledger.db"
    with Ledger(f"sqlite:///{file}") as ledger, ledger.reading() as connection:
        assert connection.exec_driver_sql("pragma journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("pragma synchronous").scalar() == 2  # FULL
        assert connection.exec_driver_sql("pragma foreign_keys").scalar() == 1
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in file.parent.iterdir()}
    assert modes["ledger.db"] == 0o600
    assert modes["ledger.db-wal"] == 0o600
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_foreign_keys_hold_on_both_databases(ledger: Ledger) -> None:
    with pytest.raises(sa.exc.IntegrityError), ledger.writing() as connection:
        connection.execute(
            sa.text("insert into delivery_files values ('no such', 'a.csv', 't', 'x', 1, 1, 1, 0, 0)")
        )


def test_a_ledger_of_a_newer_version_is_refused(ledger_url: str) -> None:
    with Ledger(ledger_url) as ledger, ledger.writing() as connection:
        connection.execute(sa.text("update alembic_version set version_num = '999'"))
    with pytest.raises(LedgerError, match="newer Holdfast"):
        Ledger(ledger_url)


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", "mysql://u:secret-word@host/db", "no url"]
)
def test_an_unusable_url_is_refused_without_repeating_its_password(url: str) -> None:
    with pytest.raises(SettingsError) as raised:
        Ledger(url)
    assert "secret-word" not in str(raised.value)


def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    with pytest.raises(LedgerError, match=r"127\.0\.0\.1") as raised:
        Ledger("postgresql://someone:secret-word@127.0.0.1:9/holdfast")
    assert "secret-word" not in str(raised.value)


def test_the_settings_say_where_the_ledger_is(tmp_path: Path) -> None:
    settings = Settings.from_environment({"HOLDFAST_HOME": str(tmp_path)})
    with Ledger.open(settings):
        assert (tmp_path / "ledger" / "ledger.db").is_file()

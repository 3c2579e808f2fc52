"""Published files are laid out so that one user is found in a moment."""

from pathlib import Path

import pytest

from tests.warehouse.publish.tiny_build import begin_and_build, tiny_settings
from warehouse.connections import PUBLISHED_GROUP_ROWS, open_read_only
from warehouse.ledger import Ledger
from warehouse.publish import publish

USERS = 3 * PUBLISHED_GROUP_ROWS


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = tiny_settings(tmp_path_factory.mktemp("lookups"))
    with Ledger.open(settings) as ledger:
        return (
            publish(settings, ledger, begin_and_build(settings, ledger, users=USERS)).path / "holdfast.duckdb"
        )


def test_rows_stand_in_small_groups(database: Path) -> None:
    with open_read_only(database) as connection:
        groups = connection.execute(
            "select count(distinct row_group_id) from pragma_storage_info('user_risk_tiers_history')"
        ).fetchall()
    assert groups == [(3,)]


def test_tables_that_users_are_looked_up_in_have_an_index(database: Path) -> None:
    with open_read_only(database) as connection:
        found = connection.execute(
            "select table_name, expressions from duckdb_indexes() order by 1"
        ).fetchall()
    assert [table for table, _ in found] == ["at_risk_users", "campaign_actions", "user_risk_tiers"]
    assert all("user_id" in expressions for _, expressions in found)


def test_nothing_of_the_build_is_left_beside_the_file(database: Path) -> None:
    assert not list(database.parent.glob("*.wal"))

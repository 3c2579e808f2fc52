"""C5: an analyst who opens the file for writing, or never closes it, stops nobody and keeps their copy."""

import time
from pathlib import Path

import duckdb
import pytest

from tests.faults.publishing import ended, in_a_child
from tests.warehouse.publish.tiny_build import begin_and_build, fast_home, tiny_settings
from warehouse.ledger import Ledger
from warehouse.publish import check, publish


def _hold(database: Path, home: Path, read_only: bool) -> None:
    with duckdb.connect(database, read_only=read_only) as connection:
        connection.execute("from user_risk_tiers").fetchall()
        (home / "held").touch()
        while not (home / "stop").exists():
            time.sleep(0.01)
        assert connection.execute("select count(*) from user_risk_tiers").fetchall() == [(5,)]


@pytest.mark.parametrize("read_only", [True, False], ids=["read-only", "for writing"])
def test_c5_a_held_snapshot_blocks_no_publish_and_stays_for_its_holder(read_only: bool) -> None:
    with fast_home() as home:
        settings = tiny_settings(home, snapshots_kept=2)
        with Ledger.open(settings) as ledger:
            first = publish(settings, ledger, begin_and_build(settings, ledger, 0))
            database = first.path / "holdfast.duckdb"
            if not read_only:
                database.chmod(0o600)  # the analyst insists
            holder = in_a_child(lambda: _hold(database, home, read_only))
            try:
                while not (home / "held").exists():
                    time.sleep(0.01)
                for number in range(1, 11):
                    assert publish(settings, ledger, begin_and_build(settings, ledger, number)).pointer_moved
                kept = {path.name for path in (settings.published / "snapshots").iterdir()}
                assert first.run_id in kept
                assert len(kept) == 3, "the two newest and the one that is held: the disk use is bounded"
                assert check(settings).as_of_date.day == 11
            finally:
                (home / "stop").touch()
                code = ended(holder)
            assert code == 0
            publish(settings, ledger, begin_and_build(settings, ledger, 11))
            assert not first.path.exists(), "once let go, it goes"

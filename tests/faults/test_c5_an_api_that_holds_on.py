"""C5: an API process that is long at an answer blocks no publish, and keeps what it reads."""

import time
from pathlib import Path

from serving.snapshots import Snapshots
from tests.faults.publishing import ended, in_a_child
from tests.serving.served import publish_day, serving_settings
from tests.warehouse.publish.tiny_build import fast_home
from warehouse.ledger import Ledger


def _answer_slowly(home: Path) -> None:
    settings = serving_settings(home, warehouse={"snapshots_kept": 2})
    with Snapshots(settings).reading() as snapshot:
        (home / "held").touch()
        while not (home / "stop").exists():
            time.sleep(0.01)
        assert snapshot.rows("select count(*) as n from user_risk_tiers") == [{"n": 5}]
        assert "u0" in (snapshot.folder / "at_risk_users.csv").read_text()


def test_c5_a_snapshot_that_an_api_reads_stays_and_blocks_nobody() -> None:
    with fast_home() as home:
        settings = serving_settings(home, warehouse={"snapshots_kept": 2})
        first = publish_day(settings, 0)
        holder = in_a_child(lambda: _answer_slowly(home))
        try:
            while not (home / "held").exists():
                time.sleep(0.01)
            for number in range(1, 7):
                assert publish_day(settings, number).pointer_moved
            kept = {path.name for path in (settings.warehouse.published / "snapshots").iterdir()}
            assert first.run_id in kept
            assert len(kept) == 3, "the two newest and the one that is read: the disk use is bounded"
        finally:
            (home / "stop").touch()
            code = ended(holder)
        assert code == 0
        publish_day(settings, 7)
        assert not first.path.exists(), "once let go, it goes"
        with Ledger.open(settings.warehouse) as ledger:
            assert len(ledger.pointer_history()) == 8

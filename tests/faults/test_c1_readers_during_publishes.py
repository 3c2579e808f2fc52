"""C1: readers that hammer while 200 runs are published see whole snapshots that only move forward."""

import json
import os
import time
from pathlib import Path

import duckdb

from tests.faults.publishing import ended, in_a_child
from tests.warehouse.publish.tiny_build import FIRST_DAY, build_day, fast_home, tiny_settings
from warehouse.connections import open_build
from warehouse.ledger import Ledger, Run
from warehouse.publish import current_snapshot, publish
from warehouse.publish.tables import PUBLISHED_TABLES
from warehouse.settings import Settings

PUBLISHES = 200
READERS = 3
ONE_RUN = """
select run_id from run_info
union select run_id from at_risk_users
union select run_id from user_risk_tiers
union select run_id from campaign_actions
union select run_id from churn_scores_history where as_of_date = (select as_of_date from run_info)
"""


def _rename_build(settings: Settings, run: Run) -> None:
    """Let the build say that this run made it: what a day's run would do, without its work."""
    with open_build(settings) as connection:
        connection.begin()
        for relation in sorted({table.relation for table in PUBLISHED_TABLES if table.one_run}):
            connection.execute(f"update {relation} set run_id = ?", [run.run_id])
        connection.commit()


def _hammer(settings: Settings, number: int) -> None:
    """Read until told to stop; anything mixed, backward or unreadable ends the process with an error."""
    os.nice(10)  # the pipeline is not what is tried here
    newest, seen, reads = "", set(), 0
    while not (settings.home / "stop").exists():
        folder = current_snapshot(settings)
        with duckdb.connect(folder / "holdfast.duckdb", read_only=True) as connection:
            runs = connection.execute(ONE_RUN).fetchall()
        assert len(runs) == 1, f"mixed read: {runs}"
        run_id = runs[0][0]
        manifest = json.loads((folder / "manifest.json").read_text())
        assert manifest["run_id"] == run_id == folder.name
        assert (folder / "at_risk_users.csv").read_text().count(run_id) == 3
        assert run_id >= newest, f"went back from {newest} to {run_id}"
        newest = run_id
        seen.add(run_id)
        reads += 1
        time.sleep(0.05)
    (settings.home / f"reader-{number}.json").write_text(json.dumps([reads, len(seen)]))


def test_c1_readers_see_whole_snapshots_that_only_move_forward() -> None:
    with fast_home() as home:
        settings = tiny_settings(home, threads=1)
        with Ledger.open(settings) as ledger:
            first = ledger.begin_run("score", settings.source, FIRST_DAY)
            build_day(settings, first)
            publish(settings, ledger, first)
            readers = [in_a_child(lambda n=number: _hammer(settings, n)) for number in range(READERS)]  # type: ignore[misc]
            try:
                for _ in range(PUBLISHES):
                    run = ledger.begin_run("score", settings.source, FIRST_DAY)
                    _rename_build(settings, run)
                    assert publish(settings, ledger, run).pointer_moved
                time.sleep(0.1)
            finally:
                (home / "stop").touch()
                codes = [ended(reader) for reader in readers]
            assert codes == [0] * READERS
            assert len(ledger.pointer_history()) == PUBLISHES + 1
        _readers_saw_much(home)


def _readers_saw_much(home: Path) -> None:
    counts = [json.loads(path.read_text()) for path in home.glob("reader-*.json")]
    assert len(counts) == READERS
    for reads, snapshots in counts:
        assert reads > 20
        assert snapshots > 10

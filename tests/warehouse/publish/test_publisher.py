import json
from datetime import date

import duckdb
import pytest

from tests.warehouse.publish.tiny_build import FIRST_DAY, begin_and_build, build_day, tiny_settings
from warehouse.connections import open_build, writer_lock
from warehouse.errors import Busy, ContractBreach, DamagedFile, GateFailure, SupersededRun
from warehouse.ledger import Ledger
from warehouse.publish import (
    PUBLISHED_TABLES,
    check,
    current_snapshot,
    publish,
    read_manifest,
    recover_publishes,
    served_run_id,
)
from warehouse.settings import Settings


def rows(settings: Settings, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect(current_snapshot(settings) / "holdfast.duckdb", read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_a_publish_serves_every_table_in_the_main_schema(settings: Settings, ledger: Ledger) -> None:
    run = begin_and_build(settings, ledger)
    done = publish(settings, ledger, run)
    assert done.pointer_moved
    names = {name for (name,) in rows(settings, "select table_name from information_schema.tables")}
    assert names == {table.name for table in PUBLISHED_TABLES}
    assert rows(settings, "select distinct run_id from user_risk_tiers") == [(run.run_id,)]
    assert done.row_counts["user_risk_tiers"] == 5


def test_the_pointer_is_a_relative_link_so_that_the_folder_can_move(
    settings: Settings, ledger: Ledger
) -> None:
    run = begin_and_build(settings, ledger)
    publish(settings, ledger, run)
    assert str((settings.published / "current").readlink()) == f"snapshots/{run.run_id}"


def test_the_manifest_says_what_the_snapshot_is(settings: Settings, ledger: Ledger) -> None:
    run = begin_and_build(settings, ledger)
    publish(settings, ledger, run)
    written = json.loads((settings.published / "current" / "manifest.json").read_text())
    assert (written["run_id"], written["as_of_date"]) == (run.run_id, "2024-03-01")
    assert (written["source"], written["model_version"]) == ("tiny_shop", "model-1")
    assert written["tables"]["at_risk_users"]["rows"] == 3
    assert set(written["files"]) == {
        "holdfast.duckdb",
        "at_risk_users.csv",
        "at_risk_users.parquet",
        "at_risk_users.jsonl",
    }
    tier = written["tables"]["user_risk_tiers_history"]["columns"][2]
    assert tier == {"name": "risk_tier", "type": "VARCHAR", "description": "high, medium or low."}


def test_readers_find_the_descriptions_in_the_file(settings: Settings, ledger: Ledger) -> None:
    manifest = settings.dbt_home / "manifest" / "manifest.json"
    manifest.parent.mkdir(parents=True)
    node = {
        "resource_type": "model",
        "schema": "reporting",
        "name": "at_risk_users",
        "description": "One row per user at risk.",
        "columns": {"user_id": {"name": "user_id", "description": "The user's account."}},
    }
    manifest.write_text(json.dumps({"nodes": {"model.holdfast.at_risk_users": node}, "sources": {}}))
    publish(settings, ledger, begin_and_build(settings, ledger))
    comments = rows(
        settings,
        "select table_name || '.' || column_name, comment from duckdb_columns() "
        "where comment is not null order by all",
    )
    assert comments == [
        ("at_risk_users.user_id", "The user's account."),
        ("user_risk_tiers.risk_tier", "high, medium or low."),
        ("user_risk_tiers_history.risk_tier", "high, medium or low."),
    ]
    assert rows(settings, "select comment from duckdb_tables() where table_name = 'at_risk_users'") == [
        ("One row per user at risk.",)
    ]


def test_a_past_day_holds_no_later_history(settings: Settings, ledger: Ledger) -> None:
    for day_number in (0, 2):
        publish(settings, ledger, begin_and_build(settings, ledger, day_number))
    done = publish(settings, ledger, begin_and_build(settings, ledger, 1))
    with duckdb.connect(done.path / "holdfast.duckdb", read_only=True) as connection:
        days = connection.execute(
            "select distinct as_of_date from user_risk_tiers_history order by 1"
        ).fetchall()
        assert days == [(date(2024, 3, 1),), (date(2024, 3, 2),)]
        assert connection.execute("select distinct as_of_date from user_risk_tiers").fetchall() == [
            (date(2024, 3, 2),)
        ]


def test_a_backfill_writes_its_snapshot_and_leaves_readers_where_they_are(
    settings: Settings, ledger: Ledger
) -> None:
    newest = begin_and_build(settings, ledger, 5)
    publish(settings, ledger, newest)
    for day_number in range(5):
        done = publish(settings, ledger, begin_and_build(settings, ledger, day_number))
        assert not done.pointer_moved
        assert "readers stay at 2024-03-06" in done.note
        assert done.path.is_dir()
    assert served_run_id(settings) == newest.run_id
    assert ledger.pointer_history() == (("publish", newest.run_id),)


def test_the_same_day_run_again_moves_readers_to_the_newer_run(settings: Settings, ledger: Ledger) -> None:
    publish(settings, ledger, begin_and_build(settings, ledger))
    again = begin_and_build(settings, ledger)
    assert publish(settings, ledger, again).pointer_moved
    assert check(settings).run_id == again.run_id


def test_publishing_a_run_twice_changes_nothing(settings: Settings, ledger: Ledger) -> None:
    run = begin_and_build(settings, ledger)
    first = publish(settings, ledger, run)
    build_day(settings, run, users=50)
    second = publish(settings, ledger, run)
    assert second.manifest_sha256 == first.manifest_sha256
    assert second.note == "this run was published before; nothing was done"
    assert len(ledger.publishes()) == 1
    assert len(ledger.pointer_history()) == 1


def test_readers_can_be_left_alone_on_request(settings: Settings, ledger: Ledger) -> None:
    run = begin_and_build(settings, ledger)
    done = publish(settings, ledger, run, move_pointer=False)
    assert not done.pointer_moved
    assert served_run_id(settings) is None
    recover_publishes(settings, ledger)
    assert served_run_id(settings) is None


def test_an_overtaken_run_publishes_nothing(settings: Settings, ledger: Ledger) -> None:
    zombie = begin_and_build(settings, ledger)
    ledger.begin_run("score", settings.source, FIRST_DAY)
    with pytest.raises(SupersededRun):
        publish(settings, ledger, zombie)
    assert served_run_id(settings) is None
    assert ledger.publishes() == ()
    assert list((settings.published / "snapshots").iterdir()) == []


def test_a_run_that_is_overtaken_while_it_writes_is_discarded(
    settings: Settings, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    from warehouse.publish import publisher

    old = begin_and_build(settings, ledger)
    publish(settings, ledger, old)
    zombie = begin_and_build(settings, ledger)
    write = publisher.write_snapshot

    def write_slowly(*arguments: object) -> object:
        written = write(*arguments)  # type: ignore[arg-type]
        ledger.begin_run("score", settings.source, FIRST_DAY)
        return written

    monkeypatch.setattr(publisher, "write_snapshot", write_slowly)
    with pytest.raises(SupersededRun):
        publish(settings, ledger, zombie)
    assert served_run_id(settings) == old.run_id
    recover_publishes(settings, ledger)
    assert ledger.find_publish(zombie.run_id) is None
    assert {path.name for path in (settings.published / "snapshots").iterdir()} == {old.run_id}


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        ("delete from reporting.churn_scores_history", "no user was scored"),
        ("delete from risk.user_risk_tiers_history", "no user was scored"),
        ("delete from reporting.at_risk_users", "the at-risk list is empty although"),
        ("update reporting.at_risk_users set as_of_date = date '2024-02-01'", "the at-risk list is empty"),
        ("delete from reporting.run_info", "run_info must say"),
        ("update reporting.at_risk_users set run_id = 'another' where risk_rank = 1", "did not make"),
        ("update risk.user_risk_tiers_history set run_id = null", "did not make"),
        (
            "update reporting.churn_scores_history set model_version = 'other' where user_id = 'u1'",
            "more than one model",
        ),
    ],
)
def test_an_implausible_build_is_refused_and_the_old_list_stays(
    settings: Settings, ledger: Ledger, damage: str, complaint: str
) -> None:
    old = begin_and_build(settings, ledger)
    publish(settings, ledger, old)
    run = begin_and_build(settings, ledger, 1)
    with open_build(settings) as connection:
        connection.execute(damage)
    with pytest.raises(GateFailure, match=complaint):
        publish(settings, ledger, run)
    assert check(settings).run_id == old.run_id
    assert [path.name for path in (settings.published / "snapshots").iterdir()] == [old.run_id]


def test_a_day_on_which_nobody_is_at_risk_may_be_published(settings: Settings, ledger: Ledger) -> None:
    run = begin_and_build(settings, ledger)
    with open_build(settings) as connection:
        connection.execute("update risk.user_risk_tiers_history set risk_tier = 'low'")
        connection.execute("delete from reporting.at_risk_users")
    assert publish(settings, ledger, run).row_counts["at_risk_users"] == 0


def test_a_missing_table_is_named(settings: Settings, ledger: Ledger) -> None:
    run = begin_and_build(settings, ledger)
    with open_build(settings) as connection:
        connection.execute("drop table reporting.model_report")
    with pytest.raises(ContractBreach, match=r"reporting\.model_report"):
        publish(settings, ledger, run)


def test_a_build_file_that_is_being_written_is_waited_for_by_trying_again(
    settings: Settings, ledger: Ledger
) -> None:
    run = begin_and_build(settings, ledger)
    with writer_lock(settings), pytest.raises(Busy):
        publish(settings, ledger, run)
    assert publish(settings, ledger, run).pointer_moved


def test_a_build_file_that_a_crash_left_open_is_not_published(settings: Settings, ledger: Ledger) -> None:
    run = begin_and_build(settings, ledger)
    settings.build_file.with_name("build.duckdb.wal").write_bytes(b"half a transaction")
    with pytest.raises(DamagedFile, match="did not close it"):
        publish(settings, ledger, run)
    assert served_run_id(settings) is None


def test_another_shop_in_the_same_home_takes_the_readers(settings: Settings, ledger: Ledger) -> None:
    publish(settings, ledger, begin_and_build(settings, ledger, 9))
    other = tiny_settings(settings.home)
    object.__setattr__(other, "source", "other_shop")
    run = begin_and_build(other, ledger, 0)
    assert publish(other, ledger, run).pointer_moved
    assert check(other).source == "other_shop"


def test_the_same_build_gives_the_same_rows_in_the_same_order(settings: Settings, ledger: Ledger) -> None:
    run = begin_and_build(settings, ledger, users=3000)
    first = publish(settings, ledger, run).path
    again = begin_and_build(settings, ledger, users=3000)
    second = publish(settings, ledger, again).path
    query = "select * exclude (run_id) from user_risk_tiers_history"
    with duckdb.connect(first / "holdfast.duckdb", read_only=True) as connection:
        one = connection.execute(query).fetchall()
    with duckdb.connect(second / "holdfast.duckdb", read_only=True) as connection:
        two = connection.execute(query).fetchall()
    assert len(one) == 3000
    assert one == two == sorted(one, key=lambda row: (row[0], row[1]))


def test_a_manifest_comes_back_as_it_was_written(settings: Settings, ledger: Ledger) -> None:
    done = publish(settings, ledger, begin_and_build(settings, ledger))
    manifest = read_manifest(done.path)
    assert manifest.row_counts == done.row_counts
    assert manifest.created_at.tzinfo is not None

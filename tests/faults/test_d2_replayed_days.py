"""D1, D2, D4: days run again through the DAGs, in any order; same rows, no pointer moved, nobody told."""

import json
import sqlite3
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.end_to_end.homes import LAST, copy_of, current, must

# Thursday and Tuesday of the week before FIRST: the Sunday before them has no model yet
EARLIER, EARLIEST = date(2026, 3, 12), date(2026, 3, 10)
QUIETLY = {"announce": False, "move_pointer": False}
# what may differ between two runs of a day: who ran it, and when
OF_THE_RUN = ("run_id", "published_at", "created_at", "ingested_at", "checked_at", "built_at", "scored_at")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, last_day: Path) -> Path:
    """A small shop that was run up to its last day."""
    return copy_of(last_day, tmp_path_factory.mktemp("replayed"))


def replay(home: Path, *steps: tuple[str, date]) -> None:
    """Do what `replay_past_days` triggers in a backfill."""
    words = [f"{dag_id}:{day}" for dag_id, day in steps]
    states = json.loads(must(home, "tests.faults.days_in_one_process", json.dumps(QUIETLY), *words))
    assert states == ["success"] * len(steps)


def rows_of(home: Path, table: str, day: date) -> list[tuple[Any, ...]]:
    """Return a day's rows from the build file, without what tells one run from another."""
    file = home / "warehouse" / "sample_shop" / "build.duckdb"
    with duckdb.connect(str(file), read_only=True) as connection:
        columns = [row[0] for row in connection.execute(f"describe {table}").fetchall()]
        told = ", ".join(column for column in columns if column not in OF_THE_RUN)
        return connection.execute(
            f"select {told} from {table} where as_of_date = ? order by user_id", [day]
        ).fetchall()


def everything(home: Path, day: date) -> dict[str, list[tuple[Any, ...]]]:
    tables = ("features.user_features", "ml.churn_scores", "risk.user_risk_tiers_history")
    found = {table: rows_of(home, table, day) for table in tables}
    assert all(found.values())
    return found


def in_airflow(home: Path, query: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(home / "airflow" / "airflow.db") as database:
        return database.execute(query).fetchall()


@pytest.mark.slow
def test_d2_replayed_days_move_no_pointer_tell_nobody_and_can_be_run_in_any_order(home: Path) -> None:
    newest = everything(home, LAST)
    before = current(home)

    replay(
        home,
        ("build_user_features", EARLIER),
        ("train_churn_model", EARLIER),
        ("score_churn_risk", EARLIER),
        ("build_user_features", EARLIEST),
        ("score_churn_risk", EARLIEST),
    )
    first = everything(home, EARLIER)
    replay(home, ("build_user_features", EARLIER), ("score_churn_risk", EARLIER))

    assert everything(home, EARLIER) == first, "a day gives the same rows before and after the day before it"
    assert everything(home, LAST) == newest, "days before it change nothing in a day that was built"
    assert current(home) == before
    told = in_airflow(home, "select dag_id, state from task_instance where task_id like 'announce%'")
    assert {dag_id for dag_id, _ in told} == {"build_user_features", "train_churn_model", "score_churn_risk"}
    assert {state for _, state in told} == {"skipped"}
    assert in_airflow(home, "select count(*) from asset_event") == [(0,)]
    published = {
        json.loads(path.read_text())["as_of_date"]
        for path in home.glob("published/snapshots/*/manifest.json")
    }
    assert {str(EARLIEST), str(EARLIER), str(LAST)} <= published, "each day has a snapshot of its own"

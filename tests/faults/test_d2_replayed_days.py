"""D1, D2, D4: days run again through the DAGs, in any order; same rows, no pointer moved, nobody told."""

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.end_to_end.homes import QUICK_TRAINING

LAST_DAY = "2026-06-30"
QUIETLY = {"announce": False, "move_pointer": False}
# what may differ between two runs of a day: who ran it, and when
OF_THE_RUN = ("run_id", "published_at", "created_at", "ingested_at", "checked_at", "built_at", "scored_at")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A small shop, run for its last day as `make demo` does."""
    folder = tmp_path_factory.mktemp("replayed")
    run(
        folder,
        "sample_shop",
        "--users",
        "1500",
        "--days",
        "260",
        "--last-day",
        LAST_DAY,
        "--home",
        str(folder),
    )
    run(folder, "warehouse", "prepare")
    run(folder, "dags.run_day", "--as-of", LAST_DAY)
    yield folder


def run(home: Path, module: str, *arguments: str) -> str:
    shop = {"HOLDFAST_HOME": str(home), "HOLDFAST_SOURCE": "sample_shop"}
    environment = os.environ | shop | QUICK_TRAINING
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env={name: value for name, value in environment.items() if not name.startswith("AIRFLOW")},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, f"{module} {arguments}:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def replay(home: Path, *steps: str) -> None:
    """Do what `replay_past_days` triggers in a backfill."""
    states = json.loads(run(home, "tests.faults.days_in_one_process", json.dumps(QUIETLY), *steps))
    assert states == ["success"] * len(steps)


def rows_of(home: Path, table: str, day: str) -> list[tuple[Any, ...]]:
    """Return a day's rows from the build file, without what tells one run from another."""
    file = home / "warehouse" / "sample_shop" / "build.duckdb"
    with duckdb.connect(str(file), read_only=True) as connection:
        columns = [row[0] for row in connection.execute(f"describe {table}").fetchall()]
        told = ", ".join(column for column in columns if column not in OF_THE_RUN)
        return connection.execute(
            f"select {told} from {table} where as_of_date = ? order by user_id", [day]
        ).fetchall()


def everything(home: Path, day: str) -> dict[str, list[tuple[Any, ...]]]:
    tables = ("features.user_features", "ml.churn_scores", "risk.user_risk_tiers_history")
    found = {table: rows_of(home, table, day) for table in tables}
    assert all(found.values())
    return found


def served(home: Path) -> str:
    return str((home / "published" / "current").readlink())


def announced(home: Path) -> int:
    with sqlite3.connect(home / "airflow" / "airflow.db") as database:
        return int(database.execute("select count(*) from asset_event").fetchone()[0])


@pytest.mark.slow
def test_d2_replayed_days_move_no_pointer_tell_nobody_and_can_be_run_in_any_order(home: Path) -> None:
    newest = everything(home, LAST_DAY)
    before = served(home)

    replay(
        home,
        "build_user_features:2026-06-12",
        "train_churn_model:2026-06-12",
        "score_churn_risk:2026-06-12",
        "build_user_features:2026-06-10",
        "score_churn_risk:2026-06-10",
    )
    first = everything(home, "2026-06-12")
    replay(home, "build_user_features:2026-06-12", "score_churn_risk:2026-06-12")

    assert everything(home, "2026-06-12") == first, (
        "a day gives the same rows before and after the day before it"
    )
    assert everything(home, LAST_DAY) == newest, "days before it change nothing in a day that was built"
    assert served(home) == before
    assert announced(home) == 0
    published = {
        json.loads(path.read_text())["as_of_date"]
        for path in home.glob("published/snapshots/*/manifest.json")
    }
    assert {"2026-06-10", "2026-06-12", LAST_DAY} <= published, "each day has a snapshot of its own"

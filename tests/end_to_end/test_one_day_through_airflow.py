"""A real day through Airflow: fails and says why, succeeds, is run again, and an older day after it."""

import csv
import hashlib
import json
import subprocess
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from tests.documents_sql import sql_blocks
from tests.end_to_end.homes import (
    FIRST,
    LAST,
    command,
    copy_of,
    counts,
    current,
    digest,
    manifest_of,
    must,
    settings_of,
)
from warehouse.ledger import Ledger
from warehouse.publish import PUBLISHED_TABLES, verify_snapshot
from warehouse.settings import REPOSITORY

pytestmark = pytest.mark.slow

LISTS = ("at_risk_users.csv", "at_risk_users.parquet", "at_risk_users.jsonl")
# of a run, or of an earlier run that the books still name
BOOKS = "data_quality_report"

MAY_BE_EMPTY = {
    # of campaigns: nothing was sent, so nothing came of it
    "campaign_attribution",
    "campaign_effects",
    "campaign_trail",
    "campaign_user_outcomes",
    "coupon_abuse",
    "uplift_report",
    # of a comparison of models
    "model_backtest",
    "model_curves",
    "model_importance",
    "model_learning_curve",
    "model_slices",
}


@dataclass
class Story:
    """What was seen after each run."""

    home: Path
    old: Path
    failed: subprocess.CompletedProcess[str]
    served_after_failure: Path
    reported: str
    published: Path
    again: Path
    served_at_last: Path


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory, first_day: Path) -> Story:
    home = copy_of(first_day, tmp_path_factory.mktemp("airflow"))
    old = current(home)
    orders = home / "landing" / "sample_shop" / LAST.isoformat() / "orders.csv"
    manifest = orders.with_name("_manifest.json")
    whole, promised = orders.read_bytes(), manifest.read_bytes()

    manifest.unlink()
    orders.write_bytes(whole.splitlines(keepends=True)[0])
    failed = _run_day(home, LAST)
    served_after_failure = current(home)
    reported = (home / "reports" / "latest.md").read_text()

    orders.write_bytes(whole)
    manifest.write_bytes(promised)
    must(home, "dags.run_day", "--as-of", LAST.isoformat())
    published = current(home)
    must(home, "dags.run_day", "--as-of", LAST.isoformat())
    again = current(home)
    must(home, "dags.run_day", "--as-of", FIRST.isoformat())
    return Story(home, old, failed, served_after_failure, reported, published, again, current(home))


def _run_day(home: Path, day: date) -> subprocess.CompletedProcess[str]:
    return command(home, "dags.run_day", "--as-of", day.isoformat())


def test_a10_a_day_without_its_orders_stops_the_line_and_keeps_the_old_list(story: Story) -> None:
    assert story.failed.returncode == 1
    assert story.served_after_failure == story.old
    assert counts(story.old)["at_risk_users"] > 0


def test_a10_the_reason_is_readable_in_the_newest_report(story: Story) -> None:
    reason = "of order_items cannot be taken (orphan"
    assert reason in story.reported
    assert "order_items.csv line 2: order_id '" in story.reported
    assert "## What to do\n\ndeliver the parent row first" in story.reported
    assert "Traceback" not in story.reported
    assert reason in story.failed.stderr


def test_the_mended_day_is_published_whole(story: Story) -> None:
    assert story.published != story.old
    manifest = verify_snapshot(story.published)
    assert (manifest.as_of_date, manifest.source) == (LAST, "sample_shop")
    files = {
        "holdfast.duckdb",
        "manifest.json",
        "lineage.json",
        "feature_program.json",
        "feature_context.duckdb",
    }
    assert {path.name for path in story.published.iterdir()} == files | set(LISTS)
    found = counts(story.published)
    assert set(found) == {table.name for table in PUBLISHED_TABLES}
    # the recency rule scores so young a shop without having been compared with anything
    assert {name for name, rows in found.items() if not rows} <= MAY_BE_EMPTY, found
    assert found == manifest.row_counts
    assert found["user_risk_tiers_history"] == found["user_risk_tiers"] + counts(story.old)["user_risk_tiers"]


def test_airflow_publishes_the_rows_that_the_line_without_it_publishes(story: Story, last_day: Path) -> None:
    assert digest(story.published, BOOKS) == digest(current(last_day), BOOKS)


def test_a_second_run_of_the_day_publishes_the_same_rows(story: Story) -> None:
    assert story.again != story.published
    assert digest(story.again, BOOKS) == digest(story.published, BOOKS)


def test_an_older_day_run_afterwards_moves_no_pointer(story: Story) -> None:
    assert story.served_at_last == story.again
    with Ledger.open(settings_of(story.home)) as ledger:
        newest = ledger.publishes()[-1]
    assert (newest.as_of_date, newest.pointer_moved) == (FIRST, False)
    older = story.home / "published" / newest.snapshot_path
    assert digest(older, BOOKS) == digest(story.old, BOOKS)


def test_the_lists_agree_with_the_manifest_and_with_the_table(story: Story) -> None:
    told = manifest_of(story.published)["files"]
    for name in (*LISTS, "holdfast.duckdb"):
        content = (story.published / name).read_bytes()
        assert told[name] == {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    with duckdb.connect(str(story.published / "holdfast.duckdb"), read_only=True) as connection:
        table = connection.execute("select * from at_risk_users order by risk_rank")
        names = [column[0] for column in table.description]
        rows = [dict(zip(names, row, strict=True)) for row in table.fetchall()]
    assert len(rows) > 0
    assert pq.read_table(story.published / LISTS[1]).to_pylist() == rows
    with (story.published / LISTS[0]).open(encoding="utf-8", newline="") as stream:
        cells = list(csv.DictReader(stream))
    lines = (story.published / LISTS[2]).read_text(encoding="utf-8").splitlines()
    objects = [json.loads(line, parse_float=Decimal) for line in lines]
    assert len(cells) == len(objects) == len(rows)
    for row, cell, item in zip(rows, cells, objects, strict=True):
        assert {name: _same(row[name], cell[name]) for name in names} == dict.fromkeys(names, True)
        assert {name: _same(row[name], item[name]) for name in names} == dict.fromkeys(names, True)


def test_the_cookbooks_questions_are_answered_by_a_real_day(story: Story) -> None:
    questions = sql_blocks(REPOSITORY / "docs" / "sql-cookbook.md")
    with duckdb.connect(str(story.published / "holdfast.duckdb"), read_only=True) as connection:
        answered = {one.title for one in questions if connection.execute(one.sql).fetchall()}
    assert {
        "How did the tiers develop over time?",
        "How fresh is what I read?",
        "Which rows were quarantined, and why?",
        "Why was a user not contacted?",
    } <= answered


def _same(value: Any, written: Any) -> bool:
    """Say whether a list holds the table's value, whatever its format calls it."""
    if value is None:
        return written in (None, "")
    if isinstance(value, bool):
        return str(written).lower() == str(value).lower()
    if isinstance(value, int | float | Decimal):
        return float(written) == float(value)
    return str(written).removeprefix("'") == str(value)

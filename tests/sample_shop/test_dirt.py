"""Dirty rows: they are there, they are counted, and the clean rows survive them."""

import datetime as dt
import json
from collections import Counter
from typing import Any

import pytest

from sample_shop.dirt import FAULTS
from tests.sample_shop.makers import Delivered

TEXT_TABLES = (
    "users",
    "events",
    "orders",
    "order_items",
    "returns",
    "reviews",
    "support_messages",
    "campaign_touches",
)


@pytest.fixture
def counts(dirty_shop: Delivered) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((dirty_shop.truth / "dirty_rows.json").read_text(encoding="utf-8"))
    return content


def test_every_kind_of_fault_occurs(counts: dict[str, Any]) -> None:
    assert set(counts["faults"]) == set(FAULTS[1:])
    assert all(sum(tables.values()) > 0 for tables in counts["faults"].values())


def test_delivered_rows_are_those_counted(dirty_shop: Delivered, counts: dict[str, Any]) -> None:
    for table in TEXT_TABLES:
        assert sum(1 for _ in dirty_shop.lines(table)) == counts["rows_delivered"][table] > 0
    listed: Counter[str] = Counter()
    for path in dirty_shop.landing.glob("*/_manifest.json"):
        for entry in json.loads(path.read_text(encoding="utf-8"))["files"]:
            listed[entry["name"].split(".")[0]] += entry["rows"]
    assert dict(listed) == counts["rows_delivered"]


def test_delivered_rows_reconcile_with_the_shops_own(counts: dict[str, Any]) -> None:
    extra: Counter[str] = Counter()
    for kind, tables in counts["faults"].items():
        if not kind.startswith("late"):
            extra.update(tables)
    for table, own in counts["rows_of_the_shop"].items():
        waiting = counts["rows_not_yet_delivered"].get(table, 0)
        assert counts["rows_delivered"][table] == own - waiting + extra[table]


def test_exact_duplicates_are_those_counted(dirty_shop: Delivered, counts: dict[str, Any]) -> None:
    for table in TEXT_TABLES:
        lines = Counter(dirty_shop.lines(table))
        repeated = sum(count - 1 for count in lines.values())
        kinds = counts["faults"]
        promised = sum(kinds[kind].get(table, 0) for kind in ("duplicate_same_file", "duplicate_later_file"))
        assert repeated == promised


def test_malformed_dates_are_those_counted(dirty_shop: Delivered, counts: dict[str, Any]) -> None:
    marks = ("2026-13-45", "0000-00-00", "yesterday", "9999-12-31")
    found = sum(any(mark in line for mark in marks) for line in dirty_shop.lines("events"))
    assert found == counts["faults"]["malformed_bad_date"]["events"] > 0


def test_ragged_lines_are_those_counted(dirty_shop: Delivered, counts: dict[str, Any]) -> None:
    ragged = sum(line.count(",") != 7 for line in dirty_shop.lines("events"))
    assert ragged == counts["faults"]["malformed_ragged"]["events"] > 0


def test_late_rows_arrive_late_by_the_days_counted(dirty_shop: Delivered, counts: dict[str, Any]) -> None:
    delays: Counter[int] = Counter()
    for path in dirty_shop.files("reviews"):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.endswith("}"):
                moment = json.loads(line)["reviewed_at"][:10]
                delays[_days_between(moment, path.parent.name)] += 1
    assert delays[40] == counts["faults"]["late_40_days"].get("reviews", 0)
    assert delays[3] == counts["faults"]["late_3_days"].get("reviews", 0)
    assert delays[0] > sum(delays.values()) * 0.8


def _days_between(start: str, end: str) -> int:
    try:
        return (dt.date.fromisoformat(end) - dt.date.fromisoformat(start)).days
    except ValueError:
        return -1


def test_a_clean_world_has_no_faults(clean_shop: Delivered) -> None:
    counts = json.loads((clean_shop.truth / "dirty_rows.json").read_text(encoding="utf-8"))
    assert all(not tables for tables in counts["faults"].values())
    assert counts["rows_delivered"] == counts["rows_of_the_shop"]
    orphans = {row["order_id"] for row in clean_shop.rows("order_items")}
    assert orphans == {row["order_id"] for row in clean_shop.rows("orders")}


def test_orphan_lines_are_those_counted(dirty_shop: Delivered, counts: dict[str, Any]) -> None:
    # real orders' ids end in 0 or 1
    orphans = sum(line.split(",")[0][-1] in "56" for line in dirty_shop.lines("order_items"))
    assert orphans == counts["faults"]["orphan"]["order_items"] > 0

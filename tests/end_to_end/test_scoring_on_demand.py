"""POST /v1/score gives a user the features, the probability and the reasons of the daily run."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest
from starlette.testclient import TestClient

from serving.app import create_app
from serving.keys import make_key
from serving.settings import ServingSettings
from tests.end_to_end.homes import FIRST, copy_of, current, settings_of
from warehouse.feature_program import PROGRAM_NAME, FeatureProgram
from warehouse.ledger import Ledger
from warehouse.settings import Settings

COMPARED, LISTED = 200, 10


@dataclass
class Door:
    """A server over a home, some of its users, and their rows."""

    settings: Settings
    client: TestClient
    users: list[str]
    listed: list[str]
    rows: dict[str, dict[str, list[dict[str, Any]]]]

    def score(self, user_id: str, tables: dict[str, Any], **more: Any) -> httpx.Response:
        """Send a user's rows."""
        body = json.dumps({"user_id": user_id, "tables": tables, **more}, default=plain)
        answer: httpx.Response = self.client.post("/v1/score", content=body)
        return answer


def plain(value: Any) -> Any:
    """Write a value as a tool would: moments with their zone, amounts as numbers."""
    if isinstance(value, datetime):
        return f"{value.isoformat()}Z"
    return float(value) if isinstance(value, Decimal) else value.isoformat()


def rows_of_users(settings: Settings, users: list[str]) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """Return every staged row of some users, with the days on which it was known."""
    program = FeatureProgram.load(current(settings.home) / PROGRAM_NAME)
    found: dict[str, dict[str, list[dict[str, Any]]]] = {}
    with duckdb.connect(str(settings.build_file), read_only=True) as connection:
        for name, table in program.contract.items():
            if name in ("products", "promotions", "coupon_redemptions"):
                continue
            columns = [*table.columns, "known_on", "superseded_on"]
            owner, source = "user_id", program.staged(name)
            if name == "order_items":
                orders = program.staged("orders")
                owners = f"select order_id, min(user_id) as owner from {orders} group by order_id"
                owner, source = "owner", f"{source} inner join ({owners}) as owners using (order_id)"
            listed = ", ".join(f'"{column}"' for column in columns)
            sql = f"select {owner}, {listed} from {source} where {owner} in (select unnest(?))"
            for user, *values in connection.execute(sql, [users]).fetchall():
                row = {k: v for k, v in zip(columns, values, strict=True) if v is not None}
                found.setdefault(user, {}).setdefault(name, []).append(row)
    return found


def users_with_replaced_orders(settings: Settings, but: list[str], objecting: list[str]) -> list[str]:
    """Return more scored users, whose orders came late or were told again otherwise."""
    with duckdb.connect(str(settings.build_file), read_only=True) as connection:
        found = connection.execute(
            "select distinct user_id from ml.churn_scores semi join (select * from "
            "staging.stg_sample_shop__orders where superseded_on is not null "
            "or known_on > cast(local_at as date)) using (user_id) "
            "where as_of_date = $day and not list_contains($but, user_id) order by user_id limit $most",
            {"day": FIRST, "but": [*but, *objecting], "most": LISTED},
        ).fetchall()
    return [user for (user,) in found]


@pytest.fixture(scope="module")
def door(first_day: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    settings = settings_of(copy_of(first_day, tmp_path_factory.mktemp("door") / "home"))
    with Ledger.open(settings) as ledger:
        scopes = frozenset({"score:write"})
        key, text = make_key("till", scopes, now=ledger.clock(), by="test", requests_per_minute=100_000)
        ledger.add_key(key, by="test")
        blocks = ledger.contact_blocks(settings.source)
        objecting = [block.user_id for block in blocks if block.purpose == "profiling"]
    app = create_app(ServingSettings(settings))
    with TestClient(app, headers={"Authorization": f"Bearer {text}"}) as client:
        door = Door(settings, client, [], [], {})
        anybody = "select user_id from {} where not list_contains(?, user_id) order by {} limit ?"
        for found, table, order, most in (
            (door.users, "user_risk_tiers", "md5(user_id)", COMPARED),
            (door.listed, "at_risk_users", "risk_rank", LISTED),
        ):
            rows = published(door, anybody.format(table, order), objecting, most)
            found += [row["user_id"] for row in rows]
        door.users += users_with_replaced_orders(settings, door.users, objecting)
        door.rows = rows_of_users(settings, [*door.users, *door.listed])
        assert len(door.users) > 100
        assert len(door.listed) == LISTED
        yield door


def published(door: Door, sql: str, *values: Any) -> list[dict[str, Any]]:
    with door.client.app.state.snapshots.reading() as snapshot:  # type: ignore[attr-defined]
        rows: list[dict[str, Any]] = snapshot.rows(sql, list(values))
    return rows


def day_of(row: dict[str, Any], otherwise: date) -> date:
    """Return the day on which an order was placed, roughly: a row that was known later came late."""
    ordered_at = row.get("ordered_at")
    return ordered_at.date() + timedelta(days=1) if ordered_at else otherwise


def with_known_days(tables: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """Return rows without the consents, which no feature reads and which may be refusals."""
    return {name: rows for name, rows in tables.items() if name != "consents"}


def test_features_are_the_daily_ones_exactly_and_probabilities_to_a_billionth(door):
    """Rows known later, replaced versions and rows after the day are sent too: they must not count."""
    of_the_day = "select * from churn_scores_history where as_of_date = ?"
    daily = {row["user_id"]: row for row in published(door, of_the_day, FIRST)}
    features = {row["user_id"]: row for row in published(door, "select * from user_features_latest")}
    sent_late = 0
    for user in door.users:
        tables = with_known_days(door.rows[user])
        rows = [row for table in tables.values() for row in table]
        sent_late += sum(
            row.get("superseded_on") is not None or row["known_on"] > day_of(row, FIRST) for row in rows
        )
        answer = door.score(user, tables, with_features=True)
        assert answer.status_code == 200, answer.text
        found = answer.json()
        expected = {
            name: value.isoformat() if isinstance(value, date) else value
            for name, value in features[user].items()
        }
        assert found["features"] == expected
        assert found["churn_probability"] == pytest.approx(daily[user]["churn_probability"], abs=1e-9, rel=0)
        assert found["churn_decile"] in (daily[user]["churn_decile"], daily[user]["churn_decile"] + 1)
        assert found["model_version"] == daily[user]["model_version"]
        assert [one["code"] for one in found["reasons"]][:1] == [daily[user]["reason_1_code"]]
    assert sent_late > 0


def test_reasons_have_the_sentences_of_the_list(door):
    sql = "select * from at_risk_users where list_contains(?, user_id)"
    for row in published(door, sql, door.listed):
        reasons = door.score(row["user_id"], with_known_days(door.rows[row["user_id"]])).json()["reasons"]
        for place, reason in enumerate(reasons, start=1):
            for part in ("code", "sentence_en", "sentence_zh"):
                assert reason[part] == row[f"reason_{place}_{part}"]


def test_a_purchase_of_today_lowers_the_risk_at_once(door):
    user = door.listed[0]
    tables = with_known_days(door.rows[user])
    day = FIRST + timedelta(days=2)
    before = door.score(user, tables, as_of_date=day.isoformat()).json()["churn_probability"]
    bought = {
        "order_id": "of-today",
        "ordered_at": f"{day}T10:00:00+08:00",
        "status": "paid",
        "gross_amount": 250.5,
        "currency": "CNY",
    }
    more = {**tables, "orders": [*tables["orders"], bought]}
    assert door.score(user, more, as_of_date=day.isoformat()).json()["churn_probability"] < before
    # the published evening does not know it
    yesterday = door.score(user, {**tables, "orders": [*tables["orders"], {**bought, "known_on": str(day)}]})
    same = door.score(user, tables)
    assert yesterday.json()["churn_probability"] == same.json()["churn_probability"]


def test_who_objects_to_profiling_gets_no_score(door):
    user = door.users[0]
    said = {"purpose": "profiling", "granted": False, "changed_at": "2026-03-01T10:00:00Z"}
    tables = {**with_known_days(door.rows[user]), "consents": [said]}
    refused = door.score(user, tables)
    assert refused.status_code == 403
    assert refused.json()["code"] == "profiling_refused"
    assert "churn_probability" not in refused.text
    granted = {**said, "granted": True, "changed_at": "2026-03-02T10:00:00Z"}
    assert door.score(user, {**tables, "consents": [granted, said]}).status_code == 200


def test_who_is_not_asked_about_gets_a_reason_and_no_score(door):
    silent = door.score("new", {"users": [{"country": "CN"}]})
    assert silent.json()["is_eligible"] is False
    assert "last 365 days" in silent.json()["why_not_eligible"]
    looked = {"event_id": "e", "occurred_at": f"{FIRST}T10:00:00+08:00", "event_type": "page_view"}
    visitor = door.score("new", {"events": [looked]})
    assert "no paid order yet" in visitor.json()["why_not_eligible"]
    assert "churn_probability" not in visitor.json()
    old = {"order_id": "o", "ordered_at": "2025-06-01T10:00:00Z", "status": "paid", "gross_amount": 5}
    gone = door.score("new", {"events": [looked], "orders": [old]})
    silence = (FIRST - date(2025, 6, 1)).days
    assert f"{silence} days old" in gone.json()["why_not_eligible"]


def test_one_user_meets_nothing_of_the_one_before(door):
    user = door.users[1]
    alone = door.score(user, with_known_days(door.rows[user])).json()["churn_probability"]
    order = {"order_id": "o9", "ordered_at": "2026-03-01T10:00:00Z", "status": "paid", "gross_amount": 9}
    assert door.score("another", {"orders": [order]}).json()["is_eligible"] is True
    assert door.score(user, with_known_days(door.rows[user])).json()["churn_probability"] == alone
    assert door.score("new", {}).json()["is_eligible"] is False

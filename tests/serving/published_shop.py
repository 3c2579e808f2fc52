"""A published home in a moment: a snapshot as publish writes it, its columns those of the contracts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import yaml
from fastapi import FastAPI
from fastapi.testclient import TestClient

from serving.app import create_app
from serving.pages.doors import SESSION_COOKIE, doors_of
from serving.pages.people import NOBODY
from serving.settings import ServingSettings
from warehouse.publish import PUBLISHED_TABLES
from warehouse.publish.durable import make_private_folder
from warehouse.publish.manifest import DATABASE_NAME, Column, Manifest, TableFacts, facts_of_files
from warehouse.publish.pointer import snapshots_folder, swap_pointer
from warehouse.settings import REPOSITORY, Settings

DAY = date(2026, 6, 30)
BEFORE = DAY - timedelta(days=1)
HOSTILE_ID = "<script>alert('id')</script>"
FORMULA_ID = "=cmd|' /c calc'!A0"
HOSTILE_COUNTRY = '"><img src=x onerror=alert(1)>'
HOSTILE_SENTENCE = "</script><script>alert('why')</script>"
MODEL = "churn-20260628-h90-abcdef01"

Row = dict[str, Any]


@cache
def contracts() -> Mapping[str, Sequence[tuple[str, str]]]:
    """Return the columns of every mart, as its contract names them."""
    found: dict[str, list[tuple[str, str]]] = {}
    for path in (REPOSITORY / "dbt_project" / "models" / "marts").glob("**/_*__models.yml"):
        for model in yaml.safe_load(path.read_text(encoding="utf-8"))["models"]:
            columns = [(one["name"], one.get("data_type", "varchar")) for one in model.get("columns", [])]
            found[model["name"]] = columns
    found["user_features_latest"] = found["user_features"]
    tiers = max(found["user_risk_tiers"], found["user_risk_tiers_history"], key=len)
    found["user_risk_tiers"] = found["user_risk_tiers_history"] = tiers
    return found


def tier_of(number: int) -> str:
    """Of forty users sixteen are high, twelve medium, twelve low."""
    return "high" if number % 10 < 4 else "medium" if number % 10 < 7 else "low"


def user_id(number: int) -> str:
    """Users are u0000 and on; the first two have names that would do harm where they are not escaped."""
    return {0: HOSTILE_ID, 1: FORMULA_ID}.get(number, f"u{number:04}")


def scored(number: int, day: date, run_id: str) -> Row:
    """Return one user's row of `user_risk_tiers_history`."""
    # the third of ten was low on the day before, so that something moved
    tier = "low" if day < DAY and number % 10 == 3 else tier_of(number)
    probability = {"high": 0.9, "medium": 0.6, "low": 0.2}[tier] - number / 1000
    return {
        "as_of_date": day,
        "user_id": user_id(number),
        "churn_probability": probability,
        "churn_percentile": 100 * probability,
        "churn_decile": 5,
        "risk_tier": tier,
        "tier_mode": "cutoff",
        "tier_reason": "model",
        "model_tier": tier,
        "tier_since": day,
        "previous_risk_tier": None if day < DAY else "low" if number % 10 == 3 else tier,
        "previous_as_of_date": None if day < DAY else BEFORE,
        "value_tier": ("high", "medium", "low")[number % 3],
        "lifecycle_status": ("active", "at_risk", "churned")[number % 3],
        "value_if_staying": 100.0,
        "predicted_value": 10.0,
        "expected_gain": 1.0,
        "net_amount_365d": 10.0 * number,
        "days_since_last_paid_order": number,
        "country": HOSTILE_COUNTRY if number == 0 else "CN",
        "reason_1_code": "days_since_last_visit",
        "reason_1_value": 30.0,
        "reason_1_contribution": 1.5,
        "reason_2_code": "paid_orders_90d",
        "reason_2_value": 1.0,
        "reason_2_contribution": -0.5,
        "horizon_days": 90,
        "model_version": MODEL,
        "run_id": run_id,
    }


def listed(number: int, rank: int, run_id: str) -> Row:
    """Return one user's row of `at_risk_users`."""
    sentence = HOSTILE_SENTENCE if number == 0 else "Time since the last visit: 30 days (raises the risk)"
    known = {name for name, _ in contracts()["at_risk_users"]}
    return {
        **{name: value for name, value in scored(number, DAY, run_id).items() if name in known},
        "risk_rank": rank,
        "tier_sentence_en": "No order in the next 90 days: 90 %",
        "tier_sentence_zh": "未来 90 天不下单：90 %",
        "reason_1_sentence_en": sentence,
        "reason_1_sentence_zh": "距上次访问：30 天（提高流失风险）",
        "reason_2_sentence_en": "Paid orders in the last 90 days: 1 (lowers the risk)",
        "reason_2_sentence_zh": "近 90 天付款订单数：1（降低流失风险）",
        "may_be_contacted": number % 5 != 0,
    }


def tables_of_a_day(run_id: str, users: int) -> dict[str, list[Row]]:
    """Return the rows of a whole day."""
    numbers = range(users)
    at_risk = sorted(
        (number for number in numbers if tier_of(number) != "low"),
        key=lambda number: (tier_of(number) != "high", number),
    )
    one_day = {"as_of_date": DAY, "run_id": run_id}
    return {
        "user_risk_tiers_history": [
            *(scored(number, BEFORE, "earlier") for number in numbers),
            *(scored(number, DAY, run_id) for number in numbers),
        ],
        "at_risk_users": [listed(number, rank, run_id) for rank, number in enumerate(at_risk, start=1)],
        "user_features_latest": [
            {
                "as_of_date": DAY,
                "user_id": user_id(number),
                "is_eligible": True,
                "sessions_90d": 3,
                "country": "CN",
                # what no page may tell
                "gender": "female",
                "age_years": 41,
                "city": "Wuhan",
            }
            for number in range(users + 2)
        ],
        "user_timeline": [
            {
                "as_of_date": DAY,
                "user_id": user_id(2),
                "happened_on": DAY - timedelta(days=days),
                "kind": kind,
                "times": 2,
                "amount": 49.0 if kind == "order" else None,
            }
            for days, kind in ((1, "visit"), (3, "order"), (40, "complaint"), (80, "contact"))
        ],
        "campaign_actions": [
            {
                **one_day,
                "user_id": user_id(number),
                "campaign_id": "recommendation",
                "experiment_id": "recommendation_1",
                "arm": "holdout" if number == 3 else "treatment",
                "action": "recommendation",
                "channel": "email",
                "cost": 0.5,
                "expected_net_value": 2.0,
                "choice_rank": number,
            }
            for number in (2, 3)
        ],
        "campaign_eligibility": [
            {
                **one_day,
                "user_id": user_id(2),
                "campaign_id": "win_back_coupon",
                "is_eligible": False,
                "suppression_reason": "no_consent",
            }
        ],
        "user_recommendations": [
            {
                **one_day,
                "user_id": user_id(2),
                "recommendation_rank": 1,
                "product_id": "p1",
                "category": "outdoor",
                "reason_sentence_en": "Popular.",
                "reason_sentence_zh": "热门。",
            }
        ],
        "data_quality_report": [
            *(
                {
                    "report_kind": "gate_rule",
                    "as_of_date": DAY,
                    "is_good": True,
                    "gate": gate,
                    "rule": "rows_are_there",
                }
                for gate in ("raw", "risk")
            ),
            {
                "report_kind": "delivery",
                "as_of_date": DAY,
                "is_good": True,
                "delivery_id": "d1",
                "delivery_date": DAY,
                "known_on": DAY,
                "status": "accepted",
                "rows_received": 1234,
                "rows_accepted": 1230,
                "rows_quarantined": 4,
                "rows_duplicate": 0,
            },
        ],
        "run_info": [{"run_id": run_id, "as_of_date": DAY, "kind": "score", "horizon_days": 90}],
    }


def alert(number: int, run_id: str, **changes: Any) -> Row:
    """Return one row of `risk_alerts`."""
    return {
        "alert_id": f"alert-{number}",
        "as_of_date": DAY,
        "raised_at": datetime(2026, 6, 30, 12, number % 60),
        "user_id": user_id(number),
        "alert_kind": "tier_rose",
        "risk_tier": "high",
        "previous_risk_tier": "low",
        "churn_probability": 0.9,
        "reason_sentence_en": "Nothing was opened for a month.",
        "reason_sentence_zh": "一个月未打开。",
        "since_date": DAY,
        "what_to_do_en": "Call the user.",
        "what_to_do_zh": "致电用户。",
        "run_id": run_id,
        **changes,
    }


@dataclass
class PublishedShop:
    """A home with published days, and the app over it."""

    home: Path
    published: list[str] = field(default_factory=list)

    @property
    def settings(self) -> ServingSettings:
        """Settings of the app."""
        warehouse = Settings(
            home=self.home,
            source="sample_shop",
            ledger_url=f"sqlite:///{self.home / 'ledger' / 'ledger.db'}",
            memory_limit="512MB",
        )
        return ServingSettings(warehouse)

    def publish(
        self,
        *,
        users: int = 40,
        published_at: datetime | None = None,
        without: Sequence[str] = (),
        **tables: Sequence[Row],
    ) -> str:
        """Publish a day; tables named here have these rows, those in `without` are not there at all."""
        epoch = len(self.published) + 1
        run_id = f"{DAY:%Y%m%d}-{epoch:06}"
        folder = snapshots_folder(self.settings.warehouse) / run_id
        make_private_folder(folder)
        rows = {**tables_of_a_day(run_id, users), **tables}
        history = rows["user_risk_tiers_history"]
        rows["user_risk_tiers"] = [row for row in history if row["as_of_date"] == DAY]
        facts = {}
        with duckdb.connect(str(folder / DATABASE_NAME)) as connection:
            for table in PUBLISHED_TABLES:
                if table.name in without or table.name not in contracts():
                    continue
                columns = contracts()[table.name]
                _create(connection, table.name, columns, rows.get(table.name, ()))
                facts[table.name] = TableFacts(
                    "table",
                    len(rows.get(table.name, ())),
                    tuple(Column(name, type_, None) for name, type_ in columns),
                )
        Manifest(
            run_id=run_id,
            epoch=epoch,
            source="sample_shop",
            as_of_date=DAY,
            model_version=MODEL,
            created_at=published_at or datetime.now(UTC),
            holdfast_version="0.1.0",
            tables=facts,
            files=facts_of_files(folder),
        ).write(folder)
        swap_pointer(self.settings.warehouse, run_id)
        self.published.append(run_id)
        return run_id


def _create(
    connection: duckdb.DuckDBPyConnection, name: str, columns: Sequence[tuple[str, str]], rows: Sequence[Row]
) -> None:
    connection.execute(f"create table {name} ({', '.join(f'{column} {type_}' for column, type_ in columns)})")
    known = [column for column, _ in columns]
    for row in rows:
        assert row.keys() <= {*known, "run_id"}, f"{name} has no {sorted(row.keys() - set(known))}"
    if rows:
        # one statement: a row at a time would take longer than the test
        values = [[row.get(column) for column in known] for row in rows]
        marks = ", ".join(f"({', '.join('?' * len(known))})" for _ in rows)
        connection.execute(f"insert into {name} values {marks}", [value for row in values for value in row])


def sign_in(client: TestClient, app: FastAPI, role: str = "marketer", name: str = "") -> TestClient:
    """Let a client in as somebody of a role, without the second that a password takes."""
    person = name or f"{role}.one"
    app.state.ledger.set_person(person, role=role, password_hash=NOBODY, by="test")
    doors = doors_of(app)
    _, cookie = doors.signer.begin(person, NOBODY, now=doors.clock(), hours=1)
    client.cookies.set(SESSION_COOKIE, cookie)
    return client


def app_of(shop: PublishedShop) -> FastAPI:
    """Return the app over a shop."""
    return create_app(shop.settings)

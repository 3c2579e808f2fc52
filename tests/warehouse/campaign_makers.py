"""A few users with scores, and the facts that campaigns decide by, written as literal rows."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import yaml

from tests.warehouse.dbt_makers import Row, Shop
from warehouse.connections import open_build
from warehouse.dbt_project import dbt_vars, run_dbt
from warehouse.settings import REPOSITORY

DAY = date(2026, 6, 30)
FEATURES_YAML = REPOSITORY / "dbt_project" / "models" / "marts" / "features" / "_features__models.yml"
HISTORY = ("path:models/staging/sample_shop", "path:models/intermediate/history", "complaint_words")
DECISIONS = ("path:models/marts/risk", "path:models/marts/campaigns", "path:seeds")

CONTROL_TABLES = {
    "run": "run_id varchar, as_of_date date, epoch bigint, source varchar, kind varchar, trigger varchar",
    "campaign_assignments": (
        "experiment_id varchar, campaign_id varchar, user_id varchar, arm varchar, stratum varchar, "
        "holdout_share double, salt varchar, assigned_on date, "
        "launch_state varchar, run_id varchar"
    ),
    "campaign_contacts": (
        "message_id varchar, user_id varchar, campaign_id varchar, experiment_id varchar, as_of_date date, "
        "action varchar, offer_id varchar, channel varchar, state varchar, coupon_code varchar, cost double, "
        "handed_over_at timestamp"
    ),
    "coupons_issued": (
        "coupon_code varchar, user_id varchar, campaign_id varchar, period varchar, offer_id varchar, "
        "face_value double, currency varchar, issued_on date, expires_on date"
    ),
    "contact_blocks": "user_id varchar, purpose varchar, reason varchar, since timestamp",
}
MODEL_TABLES = {
    "churn_scores": (
        "as_of_date date, user_id varchar, churn_probability double, churn_percentile double, "
        "churn_decile integer, "
        + ", ".join(
            f"reason_{n}_code varchar, reason_{n}_value double, reason_{n}_contribution double"
            for n in (1, 2, 3)
        )
        + ", model_version varchar, horizon_days integer, run_id varchar"
    ),
    "action_choices": (
        "as_of_date date, user_id varchar, campaign_id varchar, expected_net_value double, "
        "policy_mode varchar, choice_rank bigint, run_id varchar"
    ),
    "uplift_scores": (
        "as_of_date date, user_id varchar, campaign_id varchar, uplift_probability double, "
        "uplift_margin double, model_version varchar"
    ),
}
# at risk, valuable, and nothing speaks against a contact
USUAL_FEATURES: Row = {
    "is_eligible": True,
    "days_since_last_paid_order": 75,
    "days_since_first_paid_order": 400,
    "paid_orders_365d": 4,
    "paid_days_365d": 4,
    "net_amount_365d": 200.0,
    "order_value_mean_365d": 50.0,
    "days_since_last_visit": 2,
    "country": "CN",
    "language": "zh",
}
USUAL_SCORE: Row = {
    "churn_probability": 0.9,
    "churn_percentile": 50,
    "churn_decile": 5,
    "reason_1_code": "days_since_last_paid_order",
    "reason_1_value": 75,
    "reason_1_contribution": 0.3,
    "model_version": "model-1",
    "horizon_days": 90,
}


def prepare_decisions(shop: Shop) -> None:
    """Make every table that decisions read, empty, and the staged history of nothing."""
    models = yaml.safe_load(FEATURES_YAML.read_text(encoding="utf-8"))["models"]
    columns = next(model["columns"] for model in models if model["name"] == "user_features")
    declared = ", ".join(f"{column['name']} {column['data_type']}" for column in columns)
    shop.write("create schema if not exists control; create schema if not exists features")
    shop.write(f"create or replace table features.user_features ({declared})")
    for schema, tables in (("control", CONTROL_TABLES), ("ml", MODEL_TABLES)):
        for table, described in tables.items():
            shop.write(f"create or replace table {schema}.{table} ({described})")
    build(shop, DAY, *HISTORY)


def insert(shop: Shop, table: str, rows: Sequence[Row]) -> None:
    """Add literal rows to a table; columns not named are NULL."""
    with open_build(shop.settings) as connection:
        for row in rows:
            connection.execute(
                f"insert into {table} ({', '.join(row)}) values ({', '.join('?' for _ in row)})",
                list(row.values()),
            )


def score(shop: Shop, users: Mapping[str, Row], day: date = DAY) -> None:
    """Write features and scores of users: what differs from the usual, by column of either table."""
    run_id = f"run-{day}"
    features, scores = [], []
    for user, own in users.items():
        key = {"as_of_date": day, "user_id": user}
        features.append({**key, **USUAL_FEATURES, **{c: v for c, v in own.items() if not _is_scored(c)}})
        scores.append(
            {**key, **USUAL_SCORE, **{c: v for c, v in own.items() if _is_scored(c)}, "run_id": run_id}
        )
    insert(shop, "features.user_features", features)
    insert(shop, "ml.churn_scores", scores)
    insert(
        shop,
        "control.run",
        [{"run_id": run_id, "as_of_date": day, "epoch": 1, "source": "sample_shop", "kind": "score"}],
    )


def _is_scored(column: str) -> bool:
    return column.startswith(("churn_", "reason_")) or column == "model_version"


def consent(shop: Shop, purposes: Mapping[str, Sequence[str]], known_on: date | None = None) -> None:
    """Deliver consents: the purposes that each user granted long ago."""
    long_ago = datetime(2026, 1, 1, 12)
    rows = [
        {"user_id": user, "purpose": purpose, "changed_at": long_ago, "granted": True}
        for user, granted in purposes.items()
        for purpose in granted
    ]
    shop.deliver(known_on or DAY - timedelta(days=1), consents=rows)
    build(shop, DAY, "stg_sample_shop__consents")


def contacted(user: str, hours_ago: float, **own: Any) -> Row:
    """Return a contact that was handed over so many hours before the decision of `DAY` looks."""
    # noon of the next day in Shanghai
    decided_at = datetime(2026, 7, 1, 4)
    return {
        "message_id": f"m-{user}-{hours_ago}-{own.get('channel', 'email')}",
        "user_id": user,
        "campaign_id": "earlier",
        "experiment_id": "earlier_1",
        "as_of_date": DAY - timedelta(days=1),
        "action": "recommendation",
        "offer_id": "picks_for_you",
        "channel": "email",
        "state": "sent",
        "cost": 0.02,
        "handed_over_at": decided_at - timedelta(hours=hours_ago),
        **own,
    }


def build(shop: Shop, day: date, *selected: str, command: str = "run", tests: bool = False) -> None:
    """Let dbt make the selected models and seeds for a day, with their tests if asked for."""
    kinds = [] if tests else ["--resource-type", "model", "--resource-type", "seed"]
    run_dbt(
        shop.settings, ["build", "--quiet", *kinds, "--select", *selected], dbt_vars(shop.settings, [day])
    )


def decide(shop: Shop, day: date = DAY, *, tests: bool = False) -> None:
    """Let dbt make tiers and decisions of a day."""
    build(shop, day, *DECISIONS, tests=tests)


def eligibility(shop: Shop, *columns: str, day: date = DAY) -> dict[tuple[str, str], Any]:
    """Return columns of campaign_eligibility by user and campaign."""
    rows = shop.rows(
        f"select user_id, campaign_id, {', '.join(columns)} from campaigns.campaign_eligibility "
        "where as_of_date = ?",
        day,
    )
    return {(row[0], row[1]): row[2] if len(columns) == 1 else row[2:] for row in rows}


def choose(shop: Shop, choices: Mapping[str, str], day: date = DAY) -> None:
    """Choose users for campaigns, as the step after dbt does."""
    insert(
        shop,
        "ml.action_choices",
        [
            {
                "as_of_date": day,
                "user_id": user,
                "campaign_id": campaign,
                "expected_net_value": 1.0,
                "policy_mode": "seed",
                "choice_rank": number,
                "run_id": f"run-{day}",
            }
            for number, (user, campaign) in enumerate(choices.items(), start=1)
        ],
    )

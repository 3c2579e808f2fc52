"""Small shops with a known churn rule, as frames and as an open build file."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import duckdb
import numpy as np
import pandas as pd

from ml.calendar import plan_snapshots
from ml.dataset import Snapshots
from ml.features import discover_features
from warehouse.definitions import Definition

FIRST_DAY = date(2024, 1, 1)
TRAINED_AS_OF = date(2025, 1, 5)
AS_OF = date(2025, 1, 8)
HORIZON = 30
PLAN = plan_snapshots(TRAINED_AS_OF, HORIZON, FIRST_DAY, at_most=3)
SCHEMA = [
    ("as_of_date", "DATE"),
    ("user_id", "VARCHAR"),
    ("is_eligible", "BOOLEAN"),
    ("days_since_last_paid_order", "BIGINT"),
    ("paid_orders_30d", "BIGINT"),
    ("paid_orders_90d", "DECIMAL(18,4)"),
    ("gap_mean_days", "DOUBLE"),
    ("has_complained", "BOOLEAN"),
    ("country", "VARCHAR"),
    ("nothing_known", "DOUBLE"),
]
HISTORY = [("paid_days_lifetime", "BIGINT"), ("days_since_first_paid_order", "BIGINT")]
# What a build file holds: the population of a definition is asked for by the order days.
BUILD_SCHEMA = [*SCHEMA, HISTORY[0]]
FEATURES = discover_features(SCHEMA)
BUILD_FEATURES = discover_features(BUILD_SCHEMA)
FEATURES_WITH_HISTORY = discover_features([*SCHEMA, *HISTORY, ("purchase_gap_mean_days", "DOUBLE")])
INPUTS = [feature.name for feature in FEATURES]


def make_rows(as_of_date: date, users: int, seed: int = 0) -> pd.DataFrame:
    """Return labelled rows of one day: churn falls with orders and rises with silence and complaints."""
    random = np.random.default_rng([seed, as_of_date.toordinal()])
    orders = random.poisson(2.0, users).astype(float)
    recency = random.integers(0, 180, users).astype(float)
    complained = random.random(users) < 0.2
    gap = np.where(orders > 0, random.gamma(2.0, 20.0, users), np.nan)
    log_odds = 0.6 - 0.7 * orders + 0.006 * recency + 1.2 * complained
    return pd.DataFrame(
        {
            "as_of_date": [as_of_date] * users,
            "user_id": [f"u{number:05d}" for number in range(users)],
            "days_since_last_paid_order": recency,
            "paid_orders_30d": np.minimum(orders, random.poisson(1.0, users)),
            "paid_orders_90d": orders,
            "gap_mean_days": gap,
            "has_complained": complained.astype(float),
            "country": random.choice(["DE", "FR", "GB"], users),
            "nothing_known": np.full(users, np.nan),
            "churned": (random.random(users) < 1 / (1 + np.exp(-log_odds))).astype("int64"),
        }
    )


def with_history(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with a purchase history that fits their orders: one every 30 days or so."""
    repeats = rows["paid_orders_90d"]
    return rows.assign(
        paid_days_lifetime=repeats + 1,
        days_since_first_paid_order=rows["days_since_last_paid_order"] + 30 * repeats + (repeats > 2),
        purchase_gap_mean_days=rows["gap_mean_days"],
    )


def make_definition(definition_id: str = "paid_order_30d", **changed) -> Definition:
    """Return what churned means in these shops: no paid order in 30 days, asked of every recent buyer."""
    usual = Definition(
        definition_id=definition_id,
        label_kind="paid_order",
        horizon_days=HORIZON,
        active_within_days=180,
        fewest_paid_days=1,
        most_paid_days=None,
        is_in_force=True,
        meaning="no paid order in the 30 days after the as_of_date",
    )
    return replace(usual, **changed)


def make_snapshots(users: int = 800, seed: int = 0, plan=PLAN) -> Snapshots:
    """Return the snapshots of a plan."""
    frame = pd.concat([make_rows(day, users, seed) for day in plan.snapshots], ignore_index=True)
    return Snapshots(frame, FEATURES, len(frame))


def make_build(
    connection: duckdb.DuckDBPyConnection,
    days: Sequence[date],
    users: int = 800,
    known_on: Sequence[date] = (TRAINED_AS_OF,),
) -> None:
    """Fill an open build file with features and labels of some days, and one user who is not eligible."""
    for schema in ("features", "intermediate", "ml"):
        connection.execute(f"create schema if not exists {schema}")
    columns = ", ".join(f"{name} {sql_type}" for name, sql_type in BUILD_SCHEMA)
    connection.execute(f"create or replace table features.user_features ({columns})")
    connection.execute(
        "create or replace table features.training_labels (as_of_date date, user_id varchar, "
        "label_kind varchar, horizon_days integer, churned boolean, label_known_on date)"
    )
    connection.execute(
        "create or replace table intermediate.int_user_days as "
        f"select 'u00000' as user_id, date '{FIRST_DAY}' as activity_date, date '{FIRST_DAY}' as known_on"
    )
    for day in days:
        rows = make_rows(day, users).assign(is_eligible=True)
        rows["paid_days_lifetime"] = rows["paid_orders_90d"] + 1
        connection.execute("insert into features.user_features by name select * exclude (churned) from rows")
        connection.execute(
            "insert into features.user_features by name "
            "select as_of_date, 'gone' as user_id, false as is_eligible from rows limit 1"
        )
        for evening in (one for one in known_on if day + timedelta(days=HORIZON) <= one):
            connection.execute(
                "insert into features.training_labels by name select as_of_date, user_id, "
                "'paid_order' as label_kind, cast(? as integer) as horizon_days, churned, "
                "cast(? as date) as label_known_on from rows",
                [HORIZON, evening],
            )

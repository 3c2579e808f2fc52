"""Build files that hold experiments with known truth, as the warehouse would have built them."""

from collections.abc import Sequence
from datetime import date, timedelta

import duckdb
import numpy as np
import pandas as pd

from ml.tables import prepare_tables
from tests.ml.makers import make_build, make_rows

ASSIGNED_ON = (date(2025, 3, 1), date(2025, 3, 8))
GOAL_DAYS = 30
TRAINED_AS_OF = date(2025, 4, 13)
SCORED_ON = date(2025, 4, 14)
USERS = 1_500
CAMPAIGN, EXPERIMENT = "win_back_coupon", "win_back_coupon_1"
OUTCOME_COLUMNS = (
    "as_of_date date, experiment_id varchar, campaign_id varchar, user_id varchar, assigned_on date, "
    "goal_ends_on date, is_complete boolean, arm varchar, holdout_share double, churned integer, "
    "net_margin double"
)


def make_experiment_build(
    connection: duckdb.DuckDBPyConnection,
    *,
    effect: float = 0.4,
    helps: str = "complaints",
    users: int = USERS,
    holdout: float = 0.4,
    campaign_id: str = CAMPAIGN,
    seed: int = 0,
) -> None:
    """Fill a build file: two days of users, assigned, followed and scored again later.

    `effect` is gained by users who complained and lost by the others (`helps` = "complaints"), or gained in
    proportion to the risk of churn (`helps` = "risk").
    """
    make_build(connection, [*ASSIGNED_ON, SCORED_ON], users)
    connection.execute(
        "create or replace table ml.churn_scores (as_of_date date, user_id varchar, churn_probability double)"
    )
    connection.execute("create schema if not exists campaigns")
    connection.execute(f"create or replace table campaigns.campaign_user_outcomes ({OUTCOME_COLUMNS})")
    prepare_tables(connection)
    random = np.random.default_rng(seed)
    for number, day in enumerate(ASSIGNED_ON):
        rows = make_rows(day, users)
        risk = score(connection, day, rows)
        chosen = np.arange(users) % len(ASSIGNED_ON) == number
        treated = random.random(users) >= holdout
        sign = np.where(rows["has_complained"] > 0, 2.0, -0.5) if helps == "complaints" else risk
        stays = np.clip(1 - risk, 0.15, 0.85) + effect * (treated - 0.5) * sign
        retained = random.random(users) < stays
        margin = np.where(retained, random.gamma(4.0, 10.0, users), 0.0) - 2.0 * treated
        add_outcomes(
            connection,
            rows["user_id"][chosen],
            day,
            arm=np.where(treated, "treatment", "holdout")[chosen],
            churned=1 - retained[chosen],
            margin=margin[chosen],
            holdout=holdout,
            campaign_id=campaign_id,
        )
    score(connection, SCORED_ON, make_rows(SCORED_ON, users))


def score(connection: duckdb.DuckDBPyConnection, day: date, rows: pd.DataFrame) -> np.ndarray:
    """Write a churn probability that falls with orders for every user, and return it."""
    probability = 1 / (1 + np.exp(-(0.6 - 0.7 * rows["paid_orders_90d"].to_numpy())))
    scores = pd.DataFrame({"as_of_date": day, "user_id": rows["user_id"], "churn_probability": probability})
    connection.execute("insert into ml.churn_scores by name select * from scores")
    assert len(scores)
    return probability


def add_outcomes(
    connection: duckdb.DuckDBPyConnection,
    user_ids: Sequence[str],
    assigned_on: date,
    *,
    arm: Sequence[str],
    churned: Sequence[int],
    margin: Sequence[float],
    holdout: float = 0.4,
    campaign_id: str = CAMPAIGN,
    as_of_date: date = TRAINED_AS_OF,
) -> None:
    """Add outcomes as known on a day."""
    goal_ends_on = assigned_on + timedelta(days=GOAL_DAYS)
    outcomes = pd.DataFrame(
        {
            "as_of_date": as_of_date,
            "experiment_id": f"{campaign_id}_1",
            "campaign_id": campaign_id,
            "user_id": list(user_ids),
            "assigned_on": assigned_on,
            "goal_ends_on": goal_ends_on,
            "is_complete": goal_ends_on <= as_of_date,
            "arm": list(arm),
            "holdout_share": holdout,
            "churned": list(churned),
            "net_margin": list(margin),
        }
    )
    assert len(outcomes)
    connection.execute("insert into campaigns.campaign_user_outcomes by name select * from outcomes")

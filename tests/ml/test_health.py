"""The day's watch over a small build file, one thing changed at a time."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import duckdb
import numpy as np
import pandas as pd
import pytest

from ml.calibration import Sigmoid
from ml.features import FeatureContract
from ml.health import RETRAINING_CHECKS, watch
from ml.model import ChurnModel
from ml.tables import HEALTH_COLUMNS, prepare_tables
from tests.ml.makers import FEATURES, make_build, make_rows
from warehouse.definitions import Definition

AS_OF = date(2025, 1, 8)
TRAINED_AS_OF = date(2025, 1, 5)
NEWEST, OLDEST = date(2024, 12, 6), date(2024, 10, 11)
USERS = 800
DEFINITION = Definition("paid_order_30d", "paid_order", 30, 180, 1, None, True, "no paid order in 30 days")
RECENCY = "days_since_last_paid_order"
READ = tuple(feature for feature in FEATURES if feature.name != "nothing_known")


class Orders:
    """Log-odds that fall with the orders."""

    def decision_function(self, inputs: pd.DataFrame) -> np.ndarray:
        return 1.0 - 0.7 * inputs["paid_orders_90d"].to_numpy() + 0.004 * inputs[RECENCY].to_numpy()


MODEL = ChurnModel(
    "boosted_trees", TRAINED_AS_OF, 30, FeatureContract(READ, {}), Orders(), Sigmoid(), "", "churn-1"
)


@pytest.fixture
def build() -> Iterator[duckdb.DuckDBPyConnection]:
    """Days with features and their scores, a week and a half of tiers, orders until yesterday."""
    with duckdb.connect() as connection:
        make_build(connection, [AS_OF, TRAINED_AS_OF, NEWEST, OLDEST], USERS)
        connection.execute("create schema risk")
        prepare_tables(connection)
        connection.execute(
            "create or replace table intermediate.int_user_days as select 'u00000' as user_id, "
            "date '2025-01-07' as activity_date, 1 as active_days, 1 as paid_days, 0 as touches_sent, "
            "date '2025-01-07' as known_on, cast(null as date) as superseded_on"
        )
        connection.execute(
            "create table ml.churn_scores (as_of_date date, user_id varchar, churn_probability double, "
            "horizon_days integer, model_version varchar)"
        )
        score(connection, AS_OF, AS_OF)
        connection.execute(
            "create table risk.user_risk_tiers_history as select cast(day as date) as as_of_date, "
            "printf('u%05d', number) as user_id, case when place >= 800 then 'high' "
            "when place >= 500 then 'medium' else 'low' end as risk_tier from ("
            "select day, number, (number * 7919 + dayofyear(day) * 13) % 1000 as place "
            "from generate_series(date '2024-12-29', date '2025-01-08', interval 1 day) as days(day), "
            f"generate_series(0, {USERS - 1}) as users(number))"
        )
        yield connection


def score(
    connection: duckdb.DuckDBPyConnection, features_of: date, scored_on: date, version: str = "churn-1"
) -> None:
    """Score a day's features with the model, as if it were another day."""
    frame = make_rows(features_of, USERS)
    scores = pd.DataFrame({"user_id": frame["user_id"], "churn_probability": MODEL.predict(frame)})  # noqa: F841
    connection.execute(
        "insert into ml.churn_scores select ?::date, user_id, churn_probability, 30, ? from scores",
        [scored_on, version],
    )


def watched(connection: duckdb.DuckDBPyConnection, **changes: object) -> pd.DataFrame:
    arguments = {
        "as_of_date": AS_OF,
        "model": MODEL,
        "training_snapshots": [NEWEST, OLDEST],
        "definition": DEFINITION,
        "freshness_days": 7,
        "run_id": "20250108-000001",
    }
    return watch(connection, **(arguments | changes))  # type: ignore[arg-type]


def row(health: pd.DataFrame, check_kind: str, subject: str) -> pd.Series:
    found = health[(health["check_kind"] == check_kind) & (health["subject"] == subject)]
    assert len(found) == 1
    return found.iloc[0]


def alarms(health: pd.DataFrame) -> set[tuple[str, str]]:
    raised = health[health["is_alarm"]]
    return set(zip(raised["check_kind"], raised["subject"], strict=True))


def test_a_day_like_the_others_raises_no_alarm_and_every_check_says_why(
    build: duckdb.DuckDBPyConnection,
) -> None:
    health = watched(build)
    assert alarms(health) == set()
    assert list(health.columns) == list(HEALTH_COLUMNS)
    assert not health.duplicated(["as_of_date", "model_version", "check_kind", "subject"]).any()
    assert health["check_kind"].value_counts().to_dict() == {
        "feature_drift": len(READ),
        "score_drift": 1,
        "tier_share": 3,
        "freshness": 2,
        "model_age": 1,
        "calibration": 1,
        "lift": 2,
    }
    assert health["message"].str.len().min() > 20
    assert set(health["model_version"]) == {"churn-1"}
    assert set(health["run_id"]) == {"20250108-000001"}


def test_a_rerun_finds_the_same(build: duckdb.DuckDBPyConnection) -> None:
    pd.testing.assert_frame_equal(watched(build), watched(build))


def test_an_input_that_moved_is_told_with_its_numbers(build: duckdb.DuckDBPyConnection) -> None:
    build.execute("update features.user_features set paid_orders_90d = 0 where as_of_date = ?", [AS_OF])
    health = watched(build)
    assert alarms(health) == {("feature_drift", "paid_orders_90d")}
    found = row(health, "feature_drift", "paid_orders_90d")
    assert found["statistic"] > found["threshold"] >= 0.2
    assert found["p_value"] < 1e-6
    assert found["sample_size"] == USERS
    assert f"since {NEWEST}" in found["message"]
    assert "to 100 %" in found["message"]


def test_a_value_of_text_that_is_new_is_named(build: duckdb.DuckDBPyConnection) -> None:
    build.execute(
        "update features.user_features set country = 'Germany' where as_of_date = ? and user_id < 'u00080'",
        [AS_OF],
    )
    health = watched(build)
    assert alarms(health) == {("feature_drift", "country")}
    assert "new values: Germany 10 %" in row(health, "feature_drift", "country")["message"]


def test_users_who_are_not_eligible_are_not_looked_at(build: duckdb.DuckDBPyConnection) -> None:
    assert set(watched(build).loc[lambda frame: frame["check_kind"] == "feature_drift", "sample_size"]) == {
        USERS
    }


def test_days_that_were_built_for_another_definition_are_compared_by_the_one_in_force(
    build: duckdb.DuckDBPyConnection,
) -> None:
    build.execute(
        "update features.user_features set is_eligible = paid_days_lifetime = 1 where as_of_date < ?", [AS_OF]
    )
    assert alarms(watched(build)) == set()


def test_what_moved_as_far_while_the_model_learnt_is_usual(build: duckdb.DuckDBPyConnection) -> None:
    everybody = replace(DEFINITION, active_within_days=1000)
    for day, shift in ((OLDEST, 0), (NEWEST, 120), (AS_OF, 230)):
        build.execute(
            "update features.user_features set days_since_last_paid_order = "
            "days_since_last_paid_order + ? where as_of_date = ?",
            [shift, day],
        )
    assert alarms(watched(build, definition=everybody)) == set()
    only_newest = watched(build, training_snapshots=[NEWEST], definition=everybody)
    assert alarms(only_newest) == {("feature_drift", "days_since_last_paid_order")}


def copied(connection: duckdb.DuckDBPyConnection, from_day: date, to_day: date) -> None:
    connection.execute(
        "insert into features.user_features select * replace (?::date as as_of_date) "
        "from features.user_features where as_of_date = ?",
        [to_day, from_day],
    )


def test_a_day_is_held_against_the_most_similar_day_of_the_snapshots_week(
    build: duckdb.DuckDBPyConnection,
) -> None:
    build.execute(
        "update features.user_features set paid_orders_30d = paid_orders_30d + 2 where as_of_date = ?",
        [AS_OF],
    )
    moved = {("feature_drift", "paid_orders_30d")}
    assert alarms(watched(build)) == moved
    copied(build, AS_OF, NEWEST - timedelta(days=8))
    assert alarms(watched(build)) == moved
    copied(build, AS_OF, NEWEST - timedelta(days=7))
    health = watched(build)
    assert alarms(health) == set()
    found = row(health, "feature_drift", "paid_orders_30d")
    assert found["statistic"] == 0
    assert f"since {NEWEST - timedelta(days=7)}" in found["message"]


def test_a_value_that_was_there_in_the_snapshots_week_is_not_new(build: duckdb.DuckDBPyConnection) -> None:
    nearby = NEWEST + timedelta(days=3)
    copied(build, NEWEST, nearby)
    for day in (AS_OF, nearby):
        build.execute(
            "update features.user_features set country = 'Germany' "
            "where as_of_date = ? and user_id < 'u00040'",
            [day],
        )
    assert alarms(watched(build)) == set()
    build.execute("delete from features.user_features where as_of_date = ?", [nearby])
    assert alarms(watched(build)) == {("feature_drift", "country")}


@pytest.mark.parametrize(
    ("snapshots", "why"), [([], "learnt from no rows"), ([date(2020, 1, 1)], "not in the")]
)
def test_without_the_rows_that_were_learnt_from_inputs_are_not_judged(
    build: duckdb.DuckDBPyConnection, snapshots: list[date], why: str
) -> None:
    health = watched(build, training_snapshots=snapshots)
    inputs = health[health["check_kind"] == "feature_drift"]
    assert len(inputs) == len(READ)
    assert inputs["statistic"].isna().all()
    assert inputs["message"].str.contains(why).all()
    assert alarms(health) == set()


def test_scores_that_moved_since_the_models_own_day_are_an_alarm(build: duckdb.DuckDBPyConnection) -> None:
    build.execute("update ml.churn_scores set churn_probability = churn_probability * 0.5")
    health = watched(build)
    assert alarms(health) == {("score_drift", "churn_probability")}
    assert f"since {TRAINED_AS_OF}" in row(health, "score_drift", "churn_probability")["message"]


def test_without_the_features_of_the_models_own_day_its_scores_are_not_judged(
    build: duckdb.DuckDBPyConnection,
) -> None:
    build.execute("delete from features.user_features where as_of_date = ?", [TRAINED_AS_OF])
    found = row(watched(build), "score_drift", "churn_probability")
    assert pd.isna(found["p_value"])
    assert f"features of {TRAINED_AS_OF} are not in" in found["message"]


def test_a_tier_that_jumps_is_an_alarm(build: duckdb.DuckDBPyConnection) -> None:
    build.execute(
        "update risk.user_risk_tiers_history set risk_tier = 'high' "
        "where as_of_date = ? and risk_tier = 'medium'",
        [AS_OF],
    )
    health = watched(build)
    assert alarms(health) == {("tier_share", "high"), ("tier_share", "medium")}
    found = row(health, "tier_share", "high")
    assert found["statistic"] == pytest.approx(0.3, abs=0.02)
    assert found["threshold"] < 0.1


def test_a_tier_is_not_judged_by_a_few_days(build: duckdb.DuckDBPyConnection) -> None:
    build.execute(
        "delete from risk.user_risk_tiers_history "
        "where as_of_date between date '2025-01-02' and date '2025-01-07'"
    )
    build.execute("update risk.user_risk_tiers_history set risk_tier = 'high' where as_of_date = ?", [AS_OF])
    health = watched(build)
    assert row(health, "tier_share", "high")["message"].startswith("Not judged")
    assert alarms(health) == set()


def test_a_tier_is_not_judged_by_days_of_long_ago(build: duckdb.DuckDBPyConnection) -> None:
    build.execute(
        "update risk.user_risk_tiers_history set as_of_date = as_of_date - 28 where as_of_date < ?", [AS_OF]
    )
    assert row(watched(build), "tier_share", "high")["message"].startswith("Not judged")


def test_days_after_it_change_nothing_in_a_day(build: duckdb.DuckDBPyConnection) -> None:
    before = watched(build)
    for table in ("ml.churn_scores", "risk.user_risk_tiers_history", "intermediate.int_user_days"):
        day = "activity_date" if "user_days" in table else "as_of_date"
        build.execute(f"insert into {table} select * replace ({day} + 11 as {day}) from {table}")
    build.execute("update intermediate.int_user_days set known_on = activity_date")
    pd.testing.assert_frame_equal(watched(build), before)


@pytest.mark.parametrize(("days_later", "stale"), [(2, False), (3, True)])
def test_data_are_stale_at_half_the_days_after_which_the_gates_close(
    build: duckdb.DuckDBPyConnection, days_later: int, stale: bool
) -> None:
    build.execute(
        "update intermediate.int_user_days set activity_date = ?, known_on = activity_date",
        [AS_OF - timedelta(days=days_later + 1)],
    )
    health = watched(build)
    assert (("freshness", "paid_order") in alarms(health)) is stale
    assert row(health, "freshness", "any_activity")["statistic"] == days_later + 1


def test_without_any_data_of_a_year_freshness_is_an_alarm(build: duckdb.DuckDBPyConnection) -> None:
    build.execute("delete from intermediate.int_user_days")
    assert alarms(watched(build)) == {("freshness", "any_activity"), ("freshness", "paid_order")}


@pytest.mark.parametrize(("age", "old"), [(56, False), (57, True)])
def test_a_model_is_old_after_eight_weeks(build: duckdb.DuckDBPyConnection, age: int, old: bool) -> None:
    model = ChurnModel(
        "boosted_trees", AS_OF - timedelta(days=age), 30, MODEL.contract, None, Sigmoid(), "", "churn-1"
    )
    health = watched(build, model=model)
    assert (("model_age", "boosted_trees") in alarms(health)) is old
    assert row(health, "model_age", "boosted_trees")["statistic"] == age


def test_past_scores_are_judged_by_the_promise_of_the_model_that_gave_them(
    build: duckdb.DuckDBPyConnection,
) -> None:
    score(build, AS_OF, date(2024, 11, 21), "churn-0")
    for metric, value in (("is_chosen", 1.0), ("roc_auc", 0.9)):
        build.execute(
            "insert into ml.model_report by name select 'churn-0' as model_version, date '2024-11-01' as "
            "trained_as_of, 'paid_order_30d' as definition_id, 'boosted_trees' as candidate, "
            "? as metric, ? as value, 30 as horizon_days, '' as note",
            [metric, value],
        )
    build.execute(
        "insert into intermediate.int_user_days select user_id, date '2024-11-25', 1, 1, 0, "
        "date '2024-11-25', null from ml.churn_scores where as_of_date = date '2024-11-21' "
        "and user_id > 'u00300'"
    )
    health = watched(build)
    assert {("calibration", "churn_probability"), ("lift", "roc_auc")} <= alarms(health)
    found = row(health, "lift", "roc_auc")
    assert found["model_version"] == "churn-0"
    assert found["threshold"] == pytest.approx(0.85)
    assert "scored on 2024-11-21" in found["message"]


def test_checks_that_ask_for_training_are_those_of_the_model() -> None:
    assert set(RETRAINING_CHECKS) == {"feature_drift", "score_drift", "calibration", "lift", "model_age"}

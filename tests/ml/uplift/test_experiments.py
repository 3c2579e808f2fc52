"""What is learnt from was known when the arm was drawn, and outcomes were complete on the evening."""

from datetime import timedelta

import duckdb
import pandas as pd
import pytest

from ml.uplift.experiments import CHURN_PROBABILITY, campaigns_measured, load_experiment, load_scored_users
from tests.ml.uplift.build_files import (
    ASSIGNED_ON,
    CAMPAIGN,
    GOAL_DAYS,
    SCORED_ON,
    TRAINED_AS_OF,
    add_outcomes,
    make_experiment_build,
)

USERS = 60
FIRST, SECOND = ASSIGNED_ON


@pytest.fixture
def build():
    with duckdb.connect() as connection:
        make_experiment_build(connection, users=USERS)
        yield connection


def read(build, known_on=TRAINED_AS_OF):
    return load_experiment(build, CAMPAIGN, known_on)


def test_users_of_both_arms_are_read_with_the_inputs_of_the_day_of_their_assignment(build):
    rows = read(build)
    assert len(rows) == USERS
    assert 0 < rows.treated.sum() < USERS
    assert set(rows.frame["as_of_date"]) == set(ASSIGNED_ON)
    assert set(rows.propensity) == {0.6}
    first = rows.frame.iloc[0]
    [expected] = build.execute(
        "select days_since_last_paid_order from features.user_features where as_of_date = ? and user_id = ?",
        [first["as_of_date"], first["user_id"]],
    ).fetchone()
    assert first["days_since_last_paid_order"] == expected
    assert rows.frame[CHURN_PROBABILITY].notna().all()


def test_nothing_that_happened_after_the_assignment_is_an_input(build):
    before = read(build)
    names = {feature.name for feature in before.features}
    assert CHURN_PROBABILITY in names
    assert names.isdisjoint({"churned", "retained", "net_margin", "arm", "is_treated", "holdout_share"})
    build.execute(f"delete from features.user_features where as_of_date > date '{SECOND}'")
    build.execute(f"update ml.churn_scores set churn_probability = 0.5 where as_of_date > date '{SECOND}'")
    build.execute(
        "insert into features.user_features by name select * replace (as_of_date + 1 as as_of_date, "
        f"999 as days_since_last_paid_order) from features.user_features where as_of_date = date '{FIRST}'"
    )
    pd.testing.assert_frame_equal(read(build).frame, before.frame)


def test_an_outcome_that_was_not_complete_on_the_evening_is_not_read(build):
    late = TRAINED_AS_OF - timedelta(days=GOAL_DAYS - 1)
    build.execute(
        "insert into features.user_features by name select * replace (cast(? as date) as as_of_date) "
        "from features.user_features where as_of_date = ?",
        [late, FIRST],
    )
    add_outcomes(build, ["u00000"], late, arm=["treatment"], churned=[0], margin=[5.0])
    assert len(read(build)) == USERS
    ended = FIRST + timedelta(days=GOAL_DAYS)
    build.execute("update campaigns.campaign_user_outcomes set as_of_date = ?", [ended])
    assert set(read(build, ended).frame["as_of_date"]) == {FIRST}
    assert not len(read(build, ended - timedelta(days=1)))


def test_outcomes_as_known_later_do_not_change_what_was_known(build):
    before = read(build)
    users = list(before.frame["user_id"])
    later = TRAINED_AS_OF + timedelta(days=1)
    outcomes = {"arm": ["holdout"] * USERS, "churned": [1] * USERS, "margin": [-9.0] * USERS}
    add_outcomes(build, users, FIRST, **outcomes, as_of_date=later)
    again = read(build)
    assert (again.outcomes["net_margin"] == before.outcomes["net_margin"]).all()
    assert set(read(build, later).outcomes["net_margin"]) == {-9.0}


def test_the_global_control_and_users_without_a_counterpart_are_left_out(build):
    build.execute(
        "update campaigns.campaign_user_outcomes set arm = 'global_control' where user_id = 'u00000'"
    )
    build.execute("update campaigns.campaign_user_outcomes set holdout_share = 0 where user_id = 'u00001'")
    users = set(read(build).frame["user_id"])
    assert len(users) == USERS - 2
    assert users.isdisjoint({"u00000", "u00001"})


def test_users_whose_features_are_gone_are_left_out_and_counted(build):
    build.execute(f"delete from features.user_features where as_of_date = date '{FIRST}'")
    rows = read(build)
    assert (len(rows), rows.users_without_inputs) == (USERS // 2, USERS // 2)


def test_a_user_of_two_experiments_of_a_campaign_counts_once_with_the_newer(build):
    add_outcomes(build, ["u00000"], SECOND, arm=["holdout"], churned=[1], margin=[-7.0])
    rows = read(build)
    found = rows.frame["user_id"] == "u00000"
    assert len(rows) == USERS
    assert rows.outcomes["net_margin"][found].tolist() == [-7.0]


def test_campaigns_are_those_that_had_outcomes_by_the_day(build):
    assert campaigns_measured(build, TRAINED_AS_OF) == [CAMPAIGN]
    assert campaigns_measured(build, TRAINED_AS_OF - timedelta(days=1)) == []
    build.execute("drop table campaigns.campaign_user_outcomes")
    assert campaigns_measured(build, TRAINED_AS_OF) == []


def test_the_users_to_score_are_those_with_a_churn_score_of_the_day(build):
    build.execute(f"delete from ml.churn_scores where as_of_date = '{SCORED_ON}' and user_id = 'u00003'")
    frame = load_scored_users(build, SCORED_ON)
    assert len(frame) == USERS - 1
    assert frame["user_id"].is_monotonic_increasing
    assert "u00003" not in set(frame["user_id"])
    assert load_scored_users(build, SCORED_ON + timedelta(days=1)).empty

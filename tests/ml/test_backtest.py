import dataclasses
from datetime import timedelta
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from ml.backtest import (
    Entrant,
    backtest,
    backtest_plans,
    backtest_snapshots,
    judge_snapshot,
)
from ml.candidates import candidate_named
from ml.validation import sample_users
from tests.ml.makers import FIRST_DAY, HORIZON, PLAN, TRAINED_AS_OF, make_rows, make_snapshots
from warehouse.errors import ContractBreach

ENTRANTS = [Entrant(candidate_named("recency_rule")), Entrant(candidate_named("logistic_regression"))]
PLANS = backtest_plans(TRAINED_AS_OF, HORIZON, FIRST_DAY)[:3]


def shop(users=300):
    days = backtest_snapshots(PLANS)
    return dataclasses.replace(
        make_snapshots(users), frame=pd.concat([make_rows(day, users) for day in days], ignore_index=True)
    )


@pytest.fixture(scope="module")
def found():
    return backtest(shop(), PLANS, ENTRANTS, resamples=60, capacity=50)


def value(frame, day, candidate, metric):
    rows = frame[(frame["as_of_date"] == day) & (frame["candidate"] == candidate)]
    return rows.set_index("metric").loc[metric, "value"]


def test_every_snapshot_that_history_allows_is_a_test_once():
    plans = backtest_plans(TRAINED_AS_OF, HORIZON, FIRST_DAY)
    tests = [plan.test for plan in plans]
    assert tests[0] == TRAINED_AS_OF - timedelta(days=HORIZON)
    assert {(newer - older).days for newer, older in pairwise(tests)} == {28}
    one_step_more = tests[-1] - timedelta(days=28 + HORIZON)
    assert (one_step_more - FIRST_DAY).days + 1 < 56


def test_no_label_is_learnt_from_before_its_window_has_passed():
    plans = backtest_plans(TRAINED_AS_OF, HORIZON, FIRST_DAY)
    learnt = [(day, plan.test) for plan in plans for day in plan.training]
    assert learnt
    assert all(day + timedelta(days=HORIZON) <= test for day, test in learnt)


def test_a_history_without_a_test_in_time_has_no_backtest():
    assert backtest_plans(FIRST_DAY + timedelta(days=100), HORIZON, FIRST_DAY) == ()
    assert backtest(make_snapshots(), [], ENTRANTS).empty


def test_every_entrant_is_judged_on_every_test(found):
    assert sorted(found["as_of_date"].unique()) == sorted(plan.test for plan in PLANS)
    for plan in PLANS:
        better = value(found, plan.test, "logistic_regression", "roc_auc")
        assert better - value(found, plan.test, "recency_rule", "roc_auc") == pytest.approx(
            value(found, plan.test, "logistic_regression", "roc_auc_over_recency")
        )
        assert better > 0.6
    assert (found["users"] == 300).all()
    assert set(found["training_rows"]) == {300 * len(PLANS[0].training)}
    assert "lift_at_capacity" in set(found["metric"])


def test_what_happens_after_a_test_changes_nothing_there(found):
    oldest = PLANS[-1]
    snapshots = shop()
    later = (snapshots.frame["as_of_date"] > oldest.test).to_numpy()
    assert later.any()
    poisoned = snapshots.frame.copy()
    poisoned.loc[later, "churned"] = 1 - poisoned.loc[later, "churned"]
    again = backtest(
        dataclasses.replace(snapshots, frame=poisoned), PLANS, ENTRANTS, resamples=60, capacity=50
    )
    columns = list(found.columns)
    rows = found[found["as_of_date"] == oldest.test].reset_index(drop=True)
    same = again[again["as_of_date"] == oldest.test].reset_index(drop=True)
    pd.testing.assert_frame_equal(rows[columns], same[columns])


def test_a_snapshot_with_too_little_to_learn_from_is_left_out_and_told():
    lines = []
    frame = backtest(
        shop(60), PLANS, ENTRANTS, too_little=lambda _labels: "Too little.", progress=lines.append
    )
    assert frame.empty
    assert len(lines) == len(PLANS)
    assert all("left out. Too little." in line for line in lines)


def test_a_test_with_users_of_one_kind_is_left_out():
    snapshots = shop(60)
    of_test = snapshots.frame["as_of_date"] == PLANS[0].test
    one_kind = snapshots.frame.assign(churned=snapshots.frame["churned"].where(~of_test, 1))
    frame = backtest(dataclasses.replace(snapshots, frame=one_kind), PLANS, ENTRANTS[:1], resamples=60)
    assert set(frame["as_of_date"]) == {plan.test for plan in PLANS[1:]}


def test_a_label_that_was_not_complete_on_the_test_is_refused():
    early = PLAN.test - timedelta(days=HORIZON - 1)
    with pytest.raises(ContractBreach, match="were not complete on the test snapshot"):
        judge_snapshot(
            make_snapshots(), ENTRANTS, test=PLAN.test, training=[early], horizon_days=HORIZON, seed=0
        )


def test_without_a_later_test_users_are_scored_by_models_of_other_users():
    snapshots = make_snapshots(300)
    judged = judge_snapshot(
        snapshots, ENTRANTS, test=PLAN.test, training=PLAN.production, horizon_days=HORIZON, seed=0
    )
    assert list(judged.frame["user_id"]) == list(snapshots.on([PLAN.test])["user_id"])
    own = judged.models["logistic_regression"].predict(judged.frame)
    assert np.abs(own - judged.probability["logistic_regression"]).max() > 0.001


def test_the_threshold_comes_from_training_rows_alone():
    snapshots = make_snapshots(300)
    options = {"test": PLAN.test, "training": PLAN.training, "horizon_days": HORIZON, "seed": 0}
    judged = judge_snapshot(snapshots, ENTRANTS, **options)
    of_test = snapshots.frame["as_of_date"] == PLAN.test
    turned = snapshots.frame["churned"].where(~of_test, 1 - snapshots.frame["churned"])
    again = judge_snapshot(
        dataclasses.replace(snapshots, frame=snapshots.frame.assign(churned=turned)), ENTRANTS, **options
    )
    assert again.thresholds == judged.thresholds
    assert 0 < judged.thresholds["logistic_regression"] < 1


def test_settings_of_an_entrant_reach_its_model():
    trees = candidate_named("boosted_trees")
    name = trees.space[0].name
    judged = judge_snapshot(
        make_snapshots(200),
        [Entrant(trees, {name: trees.space[0].low})],
        test=PLAN.test,
        training=PLAN.training[:1],
        horizon_days=HORIZON,
        seed=0,
    )
    assert judged.models["boosted_trees"].parameters == {name: trees.space[0].low}


def test_a_sample_takes_the_same_users_in_every_snapshot():
    frame = make_snapshots(600).frame
    small, large = sample_users(frame, len(frame) // 4), sample_users(frame, len(frame) // 2)
    assert 0.15 < len(small) / len(frame) < 0.35
    assert set(small["user_id"]) < set(large["user_id"])
    days = frame["as_of_date"].nunique()
    assert (small.groupby("user_id").size() == days).all()
    assert sample_users(frame, len(frame)) is frame

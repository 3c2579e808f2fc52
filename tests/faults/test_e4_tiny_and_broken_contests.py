"""A contest on tiny, one-sided or broken data ends with the recency rule and a reason."""

import dataclasses

import numpy as np
import pytest

from ml.contest import choose
from tests.ml.makers import PLAN, make_snapshots
from tests.ml.quick import learn_quickly


@pytest.mark.parametrize("users", [1, 30, 300])
def test_e4_tiny_data_end_with_the_recency_rule_and_a_reason(users):
    snapshots = make_snapshots(users=users)
    found = learn_quickly(snapshots)
    assert found.model.candidate == "recency_rule"
    assert "Too little data" in found.model.note
    assert found.model.predict(snapshots.frame).shape == (len(snapshots.frame),)


@pytest.mark.parametrize("only", [0, 1])
def test_e4_a_test_snapshot_with_one_class_ends_with_the_recency_rule_and_a_reason(only):
    snapshots = make_snapshots()
    churned = snapshots.frame["churned"].where(snapshots.frame["as_of_date"] != PLAN.test, only)
    found = learn_quickly(dataclasses.replace(snapshots, frame=snapshots.frame.assign(churned=churned)))
    assert found.model.candidate == "recency_rule"
    assert "not of both kinds" in found.model.note


@pytest.mark.parametrize("only", [0, 1])
def test_e4_training_data_of_one_class_end_with_the_recency_rule_and_a_reason(only):
    snapshots = make_snapshots()
    found = learn_quickly(dataclasses.replace(snapshots, frame=snapshots.frame.assign(churned=only)))
    assert found.model.candidate == "recency_rule"
    assert "Too little data" in found.model.note


def test_e4_snapshots_without_any_eligible_user_end_with_the_rule_that_needs_no_fit():
    snapshots = make_snapshots()
    found = learn_quickly(dataclasses.replace(snapshots, frame=snapshots.frame.head(0)))
    assert found.model.candidate == "recency_rule"
    assert "No user was eligible" in found.model.note


@pytest.mark.parametrize("broken", ["learnt_losses", "probability"])
def test_e4_figures_that_are_not_numbers_never_win(broken):
    contest = learn_quickly().contest
    assert choose(contest.judged, contest.metrics)[0] == "logistic_regression"
    figures = getattr(contest.judged, broken)
    spoilt = {**figures, "logistic_regression": figures["logistic_regression"].copy()}
    spoilt["logistic_regression"][3] = np.nan
    judged = dataclasses.replace(contest.judged, **{broken: spoilt})
    assert choose(judged, contest.metrics)[0] == "recency_rule"

"""A contest on tiny, one-sided or broken data ends with the recency rule and a reason."""

import dataclasses

import numpy as np
import pytest

from ml.evaluation import Metric
from ml.training import choose, learn
from tests.ml.makers import PLAN, make_snapshots


@pytest.mark.parametrize("users", [1, 30, 300])
def test_e4_tiny_data_end_with_the_recency_rule_and_a_reason(users):
    snapshots = make_snapshots(users=users)
    found = learn(snapshots, PLAN)
    assert found.model.candidate == "recency_rule"
    assert "Too little data" in found.model.note
    assert found.model.predict(snapshots.frame).shape == (len(snapshots.frame),)


def test_e4_a_test_snapshot_with_one_class_ends_with_the_recency_rule_and_a_reason():
    snapshots = make_snapshots()
    churned = snapshots.frame["churned"].where(snapshots.frame["as_of_date"] != PLAN.test, 1)
    found = learn(dataclasses.replace(snapshots, frame=snapshots.frame.assign(churned=churned)), PLAN)
    assert found.model.candidate == "recency_rule"
    assert "not of both kinds" in found.model.note


def test_e4_snapshots_without_any_eligible_user_end_with_the_rule_that_needs_no_fit():
    snapshots = make_snapshots()
    found = learn(dataclasses.replace(snapshots, frame=snapshots.frame.head(0)), PLAN)
    assert found.model.candidate == "recency_rule"
    assert "No user was eligible" in found.model.note


def test_e4_figures_that_are_not_numbers_never_win():
    nan = np.nan
    figures = {"recency_rule": (0.6, 0.5), "challenger": (nan, 0.9)}
    rows = [
        Metric(name, metric, value, nan, nan)
        for name, pair in figures.items()
        for metric, value in zip(("log_loss", "pr_auc", "roc_auc"), (*pair, 0.5), strict=True)
    ]
    assert choose(rows) == "recency_rule"

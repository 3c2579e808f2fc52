"""An input that knows the outcome a little lifts the score beyond what is honest: no promotion."""

import dataclasses

import numpy as np
import pytest

from ml.features import Feature
from ml.promotion import Evidence, judge_challenger
from tests.ml.makers import FEATURES, make_snapshots
from tests.ml.quick import learn_quickly


def with_leak(noise):
    """Return snapshots with a copy of the label, blurred by so many standard deviations."""
    snapshots = make_snapshots(users=1_500)
    random = np.random.default_rng(0)
    blurred = snapshots.frame["churned"] + random.normal(0, noise, len(snapshots.frame))
    return dataclasses.replace(
        snapshots,
        frame=snapshots.frame.assign(orders_so_far=blurred),
        features=(*FEATURES, Feature("orders_so_far", "numeric")),
    )


@pytest.mark.parametrize("noise", [0.6, 1.0])
def test_e3_a_blurred_leak_raises_an_alarm_and_the_model_is_refused(noise):
    contest = learn_quickly(with_leak(noise)).contest
    assert contest.winner.candidate.name == "logistic_regression"
    (alarm,) = contest.leak_alarms
    assert alarm.startswith("logistic_regression is too good to be true: ROC-AUC 0.")
    scores = contest.judged.probability
    found = judge_challenger(
        Evidence(
            challenger="new",
            churned=contest.judged.churned,
            challenger_scores=scores["logistic_regression"],
            recency_scores=scores["recency_rule"],
            leak_alarms=contest.leak_alarms,
        )
    )
    assert found.verdict == "refused"
    assert "Suspected leak: logistic_regression is too good" in found.reason


def test_e3_noise_alone_raises_none():
    contest = learn_quickly(with_leak(1_000.0)).contest
    assert contest.winner.candidate.name == "logistic_regression"
    assert contest.leak_alarms == ()

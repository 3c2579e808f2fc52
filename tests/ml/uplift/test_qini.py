"""The Qini curve is what its definition says, by hand and under resampling."""

import numpy as np
import pytest

from ml.uplift.qini import qini_curve, resampled_areas
from tests.ml.uplift.experiments import make_experiment


def by_hand(outcome, treated, order):
    """Q(k) for every k, from the definition."""
    curve = [0.0]
    for k in range(1, len(order) + 1):
        first = order[:k]
        arm = treated[first]
        users_treated, users_control = arm.sum(), (~arm).sum()
        gain = outcome[first][arm].sum() - (
            outcome[first][~arm].sum() * users_treated / users_control if users_control else 0.0
        )
        curve.append(gain if users_control else 0.0)
    return np.array(curve)


def test_the_curve_is_that_of_the_definition():
    random = np.random.default_rng(1)
    outcome, treated, score = random.random(60), random.random(60) < 0.7, random.random(60)
    curve = qini_curve(outcome, treated, score)
    expected = by_hand(outcome, treated, np.argsort(-score)) / 60
    assert curve.share == pytest.approx(np.arange(61) / 60)
    assert curve.gain == pytest.approx(expected)
    area = np.sum((expected[1:] + expected[:-1]) / 2) / 60
    assert curve.auuc == pytest.approx(area)
    assert curve.qini == pytest.approx(area - expected[-1] / 2)


def test_users_of_one_score_share_a_place_whatever_their_order():
    random = np.random.default_rng(2)
    outcome, treated, score = random.random(200), random.random(200) < 0.5, random.integers(0, 4, 200)
    shuffled = random.permutation(200)
    one = qini_curve(outcome, treated, score.astype(float))
    other = qini_curve(outcome[shuffled], treated[shuffled], score[shuffled].astype(float))
    assert len(one.share) == 5
    assert other.gain == pytest.approx(one.gain)


def test_a_score_that_tells_nobody_apart_adds_nothing():
    random = np.random.default_rng(3)
    curve = qini_curve(random.random(50), random.random(50) < 0.5, np.zeros(50))
    assert curve.qini == 0.0


def test_the_best_order_turned_round_is_as_bad_as_it_was_good():
    experiment = make_experiment(20_000)
    one = qini_curve(experiment.outcome, experiment.treated, experiment.uplift)
    other = qini_curve(experiment.outcome, experiment.treated, -experiment.uplift)
    assert one.qini > 0.02
    assert other.qini == pytest.approx(-one.qini, rel=0.1)


def test_the_area_is_what_the_planted_effect_says():
    # half of all users gain .3, the others lose it; treated are half of each, so Q(N/2) / N is .3 / 4
    experiment = make_experiment(200_000, effect=0.3)
    curve = qini_curve(experiment.outcome, experiment.treated, experiment.uplift)
    assert curve.gain[1] == pytest.approx(0.3 / 4, abs=0.003)
    assert curve.qini == pytest.approx(0.3 / 8, abs=0.002)


def test_a_part_that_was_treated_more_often_does_not_look_like_uplift():
    experiment = make_experiment(60_000, effect=0.0, holdout_rises_with_risk=True)
    risk = experiment.inputs["risk"].to_numpy()
    blind = qini_curve(experiment.outcome, experiment.treated, risk)
    aware = qini_curve(experiment.outcome, experiment.treated, risk, experiment.propensity)
    assert abs(aware.qini) < 0.002
    assert abs(blind.qini) > 3 * abs(aware.qini)


def test_one_chance_for_everybody_changes_nothing():
    experiment = make_experiment(500, holdout=0.2)
    plain = qini_curve(experiment.outcome, experiment.treated, experiment.uplift)
    told = qini_curve(experiment.outcome, experiment.treated, experiment.uplift, np.full(500, 0.8))
    assert told.gain == pytest.approx(plain.gain)


def test_resamples_are_those_of_users_and_the_same_for_every_ranking():
    experiment = make_experiment(800)
    rankings = {"one": experiment.uplift, "same": experiment.uplift.copy(), "turned": -experiment.uplift}
    found = resampled_areas(experiment.outcome, experiment.treated, rankings, resamples=50, seed=7)
    again = resampled_areas(experiment.outcome, experiment.treated, rankings, resamples=50, seed=7)
    assert (found["one"][1] == found["same"][1]).all()
    assert (found["one"][1] == again["one"][1]).all()
    assert found["one"][1].std() > 0
    point = qini_curve(experiment.outcome, experiment.treated, experiment.uplift).qini
    assert np.mean(found["one"][1]) == pytest.approx(point, abs=0.004)

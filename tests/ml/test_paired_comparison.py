import numpy as np
import pandas as pd
import pytest

from ml.evaluation import evaluate
from ml.paired_comparison import (
    auc_difference,
    compare_scores,
    is_too_few,
    largest_honest_calibration_error,
    loss_difference,
    roc_auc,
    slice_differences,
)
from tests.ml.judged import make_judged


def test_an_auc_counts_the_pairs_that_are_in_order_and_half_of_the_ties():
    churned = np.array([1, 0, 1, 0, 0])
    assert roc_auc(churned, np.array([0.9, 0.1, 0.5, 0.5, 0.2])) == pytest.approx(5.5 / 6)
    assert roc_auc(churned, np.full(5, 0.3)) == 0.5


def test_the_error_of_an_auc_difference_is_that_of_resampling():
    churned, scores = make_judged(users=1_000, noise={"a": 0.5, "b": 1.0})
    difference, error = auc_difference(churned, scores["a"], scores["b"])
    rows = {
        (row.candidate, row.metric): row for row in evaluate(churned, scores, baseline="b", resamples=600)
    }
    resampled = rows["a", "roc_auc_over_b"]
    assert difference == pytest.approx(resampled.value)
    assert error == pytest.approx((resampled.upper - resampled.lower) / 2 / 1.96, rel=0.12)


def test_equal_scores_do_not_differ_by_anything():
    churned, scores = make_judged(users=300, noise={"a": 0.5})
    assert auc_difference(churned, scores["a"], scores["a"]) == (0.0, 0.0)
    assert loss_difference(churned, scores["a"], scores["a"]) == (0.0, 0.0)
    same = compare_scores(churned, scores["a"], scores["a"])
    assert not any(row.is_ahead or row.is_behind for row in same.values())


def test_ahead_and_behind_mirror_each_other_in_every_metric():
    churned, scores = make_judged(users=2_000, noise={"good": 0.3, "poor": 2.0})
    forward = compare_scores(churned, scores["good"], scores["poor"])
    backward = compare_scores(churned, scores["poor"], scores["good"])
    for metric in ("roc_auc", "log_loss", "brier"):
        assert (forward[metric].is_ahead, forward[metric].is_behind) == (True, False), metric
        assert (backward[metric].is_ahead, backward[metric].is_behind) == (False, True), metric
    assert "ROC-AUC" in str(forward["roc_auc"])


def test_a_gain_in_the_fourth_decimal_is_no_gain_however_sure():
    churned, scores = make_judged(users=2_000, noise={"a": 0.5})
    nearer = scores["a"] + 1e-5 * (churned - scores["a"])
    gained = compare_scores(churned, nearer, scores["a"])
    assert gained["log_loss"].upper < 0
    assert not gained["log_loss"].is_ahead
    assert not gained["brier"].is_ahead


@pytest.mark.parametrize("users", [400, 3_000])
def test_a_perfect_score_rarely_looks_less_calibrated_than_chance_allows(users):
    random = np.random.default_rng(0)
    score = random.beta(2, 2, users)
    limit = largest_honest_calibration_error(score)

    def error_of_one_sample():
        churned = (random.random(users) < score).astype(int)
        groups = np.array_split(np.argsort(score), 10)
        return sum(abs(churned[rows].mean() - score[rows].mean()) * len(rows) for rows in groups) / users

    errors = np.array([error_of_one_sample() for _ in range(400)])
    assert 0.005 < (errors > limit).mean() < 0.06


def test_the_calibration_error_that_chance_allows_shrinks_with_users():
    limits = [largest_honest_calibration_error(np.full(users, 0.4)) for users in (100, 400, 6_000)]
    assert limits[0] > limits[1] > limits[2]
    assert limits[1] > 0.06
    assert limits[2] < 0.03


def test_slices_that_are_small_or_of_one_kind_are_left_out():
    churned, scores = make_judged(users=1_000, noise={"a": 0.5, "b": 0.5})
    country = np.array(["DE"] * 600 + ["FR"] * 50 + ["GB"] * 350)
    churned[650:] = 0
    slices = {"country": pd.Series(country), "everybody": pd.Series(["everybody"] * 1_000)}
    found = slice_differences(churned, scores["a"], scores["b"], slices)
    assert [(one.slice_name, one.slice_value, one.users) for one in found] == [("country", "DE", 600)]


def test_a_slice_on_which_the_challenger_is_worse_is_named():
    churned, scores = make_judged(users=2_000, noise={"a": 0.3, "b": 0.3})
    country = pd.Series(["DE", "FR"] * 1_000)
    broken = np.where(country == "FR", 1 - scores["a"], scores["a"])
    found = slice_differences(churned, broken, scores["b"], {"country": country})
    assert [one.is_worse for one in found] == [False, True]
    assert "country FR (1,000 users" in str(found[1])


def test_among_many_slices_of_equals_hardly_ever_one_is_worse():
    alarms = 0
    for seed in range(60):
        churned, scores = make_judged(users=1_500, noise={"a": 1.0, "b": 1.0}, seed=seed)
        random = np.random.default_rng(seed)
        slices = {f"s{number}": pd.Series(random.choice(["x", "y", "z"], 1_500)) for number in range(8)}
        alarms += any(one.is_worse for one in slice_differences(churned, scores["a"], scores["b"], slices))
    assert alarms <= 6


@pytest.mark.parametrize(("churners", "stayers", "few"), [(20, 80, False), (19, 300, True), (40, 40, True)])
def test_a_hundred_users_and_twenty_of_each_kind_are_enough(churners, stayers, few):
    assert is_too_few(np.array([1] * churners + [0] * stayers)) is few

import time

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score

from ml.evaluation import evaluate


def figures(churned, scores, **options):
    rows = evaluate(churned, scores, baseline="recency_rule", **options)
    return {(row.candidate, row.metric): row for row in rows}


@pytest.fixture
def judged():
    random = np.random.default_rng(0)
    truth = random.random(2000)
    churned = (random.random(2000) < truth).astype(np.int64)
    coarse = np.clip(np.round(truth + random.normal(0, 0.3, 2000), 1), 0.05, 0.95)
    return churned, {"recency_rule": coarse, "truth": truth}


def test_figures_agree_with_scikit_learn_ties_included(judged):
    churned, scores = judged
    found = figures(churned, scores, resamples=60)
    for name, score in scores.items():
        assert found[name, "roc_auc"].value == pytest.approx(roc_auc_score(churned, score))
        assert found[name, "pr_auc"].value == pytest.approx(average_precision_score(churned, score))
        assert found[name, "log_loss"].value == pytest.approx(log_loss(churned, score))
        assert found[name, "brier"].value == pytest.approx(np.mean((score - churned) ** 2))


def test_lift_and_recall_count_the_riskiest_share():
    churned = np.array([1] * 10 + [0] * 90)
    score = np.linspace(0.99, 0.01, 100)
    found = figures(churned, {"recency_rule": score}, resamples=60)
    assert found["recency_rule", "recall_at_5"].value == pytest.approx(0.5)
    assert found["recency_rule", "recall_at_10"].value == pytest.approx(1.0)
    assert found["recency_rule", "lift_at_20"].value == pytest.approx(5.0)


def test_a_calibrated_score_has_a_small_calibration_error_and_a_bold_one_a_large(judged):
    churned, scores = judged
    bold = np.where(scores["truth"] > 0.5, 0.99, 0.01)
    found = figures(churned, {"recency_rule": bold, "truth": scores["truth"]}, resamples=60)
    assert found["truth", "ece"].value < 0.04
    assert found["recency_rule", "ece"].value > 0.2


def test_intervals_hold_the_value_and_differences_are_paired(judged):
    churned, scores = judged
    found = figures(churned, {**scores, "same": scores["recency_rule"]}, resamples=200)
    auc = found["truth", "roc_auc"]
    assert auc.lower < auc.value < auc.upper
    assert auc.upper - auc.lower < 0.05
    same = found["same", "roc_auc_over_recency"]
    assert same.value == same.lower == same.upper == 0.0
    assert found["truth", "roc_auc_over_recency"].lower > 0


def test_the_same_seed_gives_the_same_intervals(judged):
    churned, scores = judged
    assert figures(churned, scores, resamples=60) == figures(churned, scores, resamples=60)


def test_twenty_thousand_users_take_seconds():
    random = np.random.default_rng(0)
    churned = (random.random(20_000) < 0.4).astype(np.int64)
    begun = time.process_time()
    figures(churned, {"recency_rule": random.random(20_000)})
    assert time.process_time() - begun < 20

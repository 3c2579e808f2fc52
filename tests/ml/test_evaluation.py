import time

import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    f1_score,
    log_loss,
    precision_score,
    recall_score,
    roc_auc_score,
)

from ml.evaluation import as_frame, choose_threshold, evaluate
from warehouse.errors import ContractBreach


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


def test_figures_at_the_threshold_agree_with_scikit_learn(judged):
    churned, scores = judged
    found = figures(churned, scores, thresholds={"recency_rule": 0.6}, resamples=60)
    called = scores["recency_rule"] >= 0.6
    assert found["recency_rule", "accuracy"].value == pytest.approx(accuracy_score(churned, called))
    assert found["recency_rule", "precision"].value == pytest.approx(precision_score(churned, called))
    assert found["recency_rule", "recall"].value == pytest.approx(recall_score(churned, called))
    assert found["recency_rule", "f1"].value == pytest.approx(f1_score(churned, called))
    assert found["recency_rule", "threshold"].value == found["recency_rule", "threshold"].upper == 0.6
    assert ("truth", "f1") not in found
    assert ("truth", "f1_over_recency") not in found


def test_a_threshold_that_nobody_reaches_has_no_precision(judged):
    churned, scores = judged
    found = figures(churned, scores, thresholds={"truth": 1.1}, resamples=60)
    assert np.isnan(found["truth", "precision"].value)
    assert found["truth", "recall"].value == found["truth", "f1"].value == 0.0


def test_lift_and_recall_at_the_capacity_count_so_many_users():
    churned = np.array([1] * 10 + [0] * 90)
    score = np.linspace(0.99, 0.01, 100)
    found = figures(churned, {"recency_rule": score}, capacity=4, resamples=60)
    assert found["recency_rule", "recall_at_capacity"].value == pytest.approx(0.4)
    assert found["recency_rule", "lift_at_capacity"].value == pytest.approx(10.0)
    everyone = figures(churned, {"recency_rule": score}, capacity=5000, resamples=60)
    assert everyone["recency_rule", "recall_at_capacity"].value == pytest.approx(1.0)
    assert everyone["recency_rule", "lift_at_capacity"].value == pytest.approx(1.0)


def test_users_of_one_score_are_caught_in_part_whatever_their_order():
    churned = np.array([1] * 10 + [0] * 90)
    score = np.full(100, 0.5)
    for mixed in (churned, churned[::-1].copy()):
        found = figures(mixed, {"recency_rule": score}, resamples=60)
        assert found["recency_rule", "recall_at_20"].value == pytest.approx(0.2)
        assert found["recency_rule", "lift_at_5"].value == pytest.approx(1.0)


def test_the_calibration_error_before_calibration_is_told_beside_the_one_after(judged):
    churned, scores = judged
    bold = np.where(scores["truth"] > 0.5, 0.99, 0.01)
    found = figures(churned, scores, before={"truth": bold}, resamples=60)
    assert found["truth", "ece_before"].value > 0.2 > found["truth", "ece"].value
    assert ("truth", "ece_before_over_recency") not in found


def test_the_interval_of_the_calibration_error_holds_it(judged):
    churned, truth = judged[0][:300], judged[1]["truth"][:300]
    ece = figures(churned, {"recency_rule": truth}, resamples=200)["recency_rule", "ece"]
    assert 0.0 <= ece.lower < ece.value < ece.upper < 0.15
    assert ece.upper - ece.value < 2 * (ece.value - ece.lower)


def test_every_candidate_is_compared_with_recency_and_with_rfm_where_they_compete(judged):
    churned, scores = judged
    found = figures(churned, {**scores, "rfm_logistic": scores["recency_rule"]}, resamples=60)
    assert found["rfm_logistic", "roc_auc_over_recency"].value == 0.0
    assert found["truth", "roc_auc_over_rfm"].value == found["truth", "roc_auc_over_recency"].value > 0.02
    assert not [key for key in found if key[0] == "recency_rule" and "_over_" in key[1]]
    assert ("rfm_logistic", "roc_auc_over_rfm") not in found


def test_a_score_that_is_not_a_number_makes_every_figure_of_its_candidate_so(judged):
    churned, scores = judged
    broken = scores["truth"].copy()
    broken[7] = np.nan
    found = figures(churned, {**scores, "broken": broken}, resamples=60)
    values = [row.value for (name, _), row in found.items() if name == "broken"]
    assert len(values) > 10
    assert np.isnan(values).all()
    assert np.isfinite(found["truth", "roc_auc"].value)


def test_only_the_metrics_that_are_wanted_are_told(judged):
    churned, scores = judged
    found = figures(churned, scores, only=("roc_auc", "ece"), resamples=60)
    assert {metric for _, metric in found} == {
        "roc_auc", "ece", "roc_auc_over_recency", "ece_over_recency",
    }  # fmt: skip


def test_scores_of_other_users_are_refused(judged):
    churned, scores = judged
    with pytest.raises(ContractBreach, match="1999 scores of 2000 users"):
        figures(churned, {"recency_rule": scores["truth"][1:]})


def test_at_the_base_rate_as_many_are_called_as_churned(judged):
    churned, scores = judged
    threshold = choose_threshold(churned, scores["truth"], "base_rate")
    assert (scores["truth"] >= threshold).sum() == churned.sum()


def test_the_best_f1_is_not_beaten_by_any_other_threshold(judged):
    churned, scores = judged
    coarse = scores["recency_rule"]
    threshold = choose_threshold(churned, coarse, "best_f1")
    best = max(f1_score(churned, coarse >= other) for other in np.unique(coarse))
    assert f1_score(churned, coarse >= threshold) == pytest.approx(best)


def test_rows_without_a_score_do_not_move_the_threshold(judged):
    churned, scores = judged
    gaps = np.append(scores["truth"], np.nan)
    assert choose_threshold(np.append(churned, 1), gaps) == choose_threshold(churned, scores["truth"])
    assert choose_threshold(np.array([0, 0]), np.array([0.1, 0.2])) == 0.5


def test_an_unknown_rule_for_the_threshold_is_refused():
    with pytest.raises(ContractBreach, match="base_rate or best_f1"):
        choose_threshold(np.array([0, 1]), np.array([0.1, 0.2]), "youden")


def test_a_frame_of_metrics_has_one_row_per_figure(judged):
    churned, scores = judged
    rows = evaluate(churned, scores, baseline="recency_rule", resamples=60)
    frame = as_frame(rows)
    assert list(frame.columns) == ["candidate", "metric", "value", "lower", "upper"]
    assert len(frame) == len(rows) == len(frame.drop_duplicates(["candidate", "metric"]))

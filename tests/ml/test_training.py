import dataclasses

import numpy as np
import pytest

from ml.calendar import plan_snapshots
from ml.candidates import CANDIDATES
from ml.evaluation import Metric
from ml.training import choose, learn, train
from tests.ml.makers import FIRST_DAY, HORIZON, PLAN, TRAINED_AS_OF, make_snapshots


def value(outcome, candidate, metric):
    return next(row.value for row in outcome.metrics if (row.candidate, row.metric) == (candidate, metric))


def test_a_model_beats_the_recency_rule_out_of_time_when_there_is_something_to_learn(outcome):
    assert outcome.compared_on == "out_of_time"
    assert outcome.test_as_of_date == PLAN.test
    assert outcome.model.candidate != "recency_rule"
    assert value(outcome, outcome.model.candidate, "roc_auc_over_recency") > 0.1
    assert outcome.model.note == ""


def test_every_candidate_is_measured_with_an_interval(outcome):
    assert {row.candidate for row in outcome.metrics} == {candidate.name for candidate in CANDIDATES}
    assert all(row.lower <= row.upper for row in outcome.metrics)


def test_shuffled_labels_teach_nothing():
    snapshots = make_snapshots(seed=3)
    random = np.random.default_rng(0)
    shuffled = snapshots.frame.assign(churned=random.permutation(snapshots.frame["churned"].to_numpy()))
    found = learn(dataclasses.replace(snapshots, frame=shuffled), PLAN)
    for candidate in ("recency_rule", "logistic_regression", "boosted_trees"):
        assert value(found, candidate, "roc_auc") == pytest.approx(0.5, abs=0.07)


def test_the_order_of_rows_and_columns_does_not_matter(outcome):
    snapshots = make_snapshots()
    mixed = snapshots.frame.sample(frac=1, random_state=1)[snapshots.frame.columns[::-1]]
    mixed = mixed.sort_values(["as_of_date", "user_id"]).reset_index(drop=True)
    found = learn(dataclasses.replace(snapshots, frame=mixed), PLAN)
    assert found.metrics == outcome.metrics


def test_too_few_rows_mean_the_recency_rule_scores_and_says_so():
    found = learn(make_snapshots(users=200), PLAN)
    assert found.model.candidate == "recency_rule"
    assert found.model.note.startswith("Too little data for a model: 600 training rows")
    assert found.compared_on == "nothing"


def test_one_class_means_the_recency_rule_scores_and_says_so():
    snapshots = make_snapshots()
    found = learn(dataclasses.replace(snapshots, frame=snapshots.frame.assign(churned=1)), PLAN)
    assert found.model.candidate == "recency_rule"
    assert "2400 churned and 0 not" in found.model.note
    assert np.isfinite(found.model.predict(snapshots.frame)).all()


def test_without_any_mature_label_a_rule_without_a_fit_scores_and_says_so(build):
    found = train(build, trained_as_of=TRAINED_AS_OF, horizon_days=400, first_data_day=FIRST_DAY)
    assert found.model.candidate == "recency_rule"
    assert "without having been fitted" in found.model.note
    assert found.golden_rows["expected"].between(0, 1).all()


def test_a_history_too_short_for_a_test_in_time_is_compared_on_other_users():
    plan = plan_snapshots(TRAINED_AS_OF, HORIZON, PLAN.production[-1].replace(day=1), min_history_days=5)
    plan = dataclasses.replace(plan, test=None, training=())
    found = learn(make_snapshots(plan=plan), plan)
    assert found.compared_on == "other_users"
    assert found.model.candidate != "recency_rule"
    assert value(found, found.model.candidate, "roc_auc") > 0.65


def test_training_reads_the_build_file(build, outcome):
    lines = []
    found = train(
        build,
        trained_as_of=TRAINED_AS_OF,
        horizon_days=HORIZON,
        first_data_day=FIRST_DAY,
        progress=lines.append,
    )
    assert found.model.candidate == outcome.model.candidate
    assert any("AUC" in line for line in lines)


def metrics(**log_loss_and_precision):
    return [
        Metric(candidate, metric, figure, figure, figure)
        for candidate, figures in log_loss_and_precision.items()
        for metric, figure in zip(("log_loss", "pr_auc", "roc_auc"), (*figures, 0.5), strict=True)
    ]


def test_the_choice_weighs_log_loss_and_precision_and_skips_what_is_not_a_number():
    assert choose(metrics(recency_rule=(0.6, 0.5), a=(0.54, 0.5), b=(0.57, 0.6))) == "b"
    assert choose(metrics(recency_rule=(0.6, 0.5), a=(0.54, float("nan")), b=(0.59, 0.5))) == "b"
    assert choose(metrics(recency_rule=(0.6, 0.5), a=(0.7, 0.5))) == "recency_rule"
    assert choose(metrics(recency_rule=(0.6, 0.5), a=(0.6, 0.5))) == "recency_rule"

import numpy as np
import pandas as pd
import pytest

from ml import calibration
from ml.calibration import Isotonic, Sigmoid, fit_calibrator, logistic, out_of_fold_log_odds, user_folds


def overconfident(rows: int):
    random = np.random.default_rng(1)
    true_log_odds = random.normal(-0.5, 1.0, rows)
    churned = (random.random(rows) < logistic(true_log_odds)).astype(np.int64)
    return 3.0 * true_log_odds + 1.0, churned


def calibration_error(probability, churned):
    bins = np.array_split(np.argsort(probability), 10)
    return sum(abs(churned[rows].mean() - probability[rows].mean()) * len(rows) for rows in bins) / len(
        churned
    )


@pytest.mark.parametrize("isotonic_from", [1, 10**9])
def test_calibration_makes_an_overconfident_score_honest_on_other_users(monkeypatch, isotonic_from):
    monkeypatch.setattr(calibration, "ISOTONIC_FROM_ROWS", isotonic_from)
    log_odds, churned = overconfident(8000)
    fitted = fit_calibrator(log_odds[:4000], churned[:4000])
    before = calibration_error(logistic(log_odds[4000:]), churned[4000:])
    after = calibration_error(fitted.predict(log_odds[4000:]), churned[4000:])
    assert before > 0.1
    assert after < before / 3
    assert isinstance(fitted, Isotonic if isotonic_from == 1 else Sigmoid)


def test_calibration_never_turns_the_ranking_round():
    log_odds, churned = overconfident(500)
    assert fit_calibrator(-log_odds, churned).slope == 1.0


def test_one_class_leaves_the_log_odds_as_they_are():
    assert vars(fit_calibrator(np.zeros(5), np.ones(5))) == {"slope": 1.0, "intercept": 0.0}


def test_extreme_log_odds_stay_probabilities():
    np.testing.assert_array_equal(logistic(np.array([-1e4, 0.0, 1e4])), [0.0, 0.5, 1.0])


def test_a_user_stays_in_one_fold_whatever_else_is_in_the_data():
    users = pd.Series(["a", "b", "c", "d", "a", "b"])
    folds = user_folds(users)
    assert folds[0] == folds[4]
    assert folds[1] == folds[5]
    np.testing.assert_array_equal(user_folds(users[::-1].reset_index(drop=True)), folds[::-1])


def test_out_of_fold_scores_come_from_models_that_never_saw_the_user():
    users = pd.Series([f"u{number}" for number in range(60)] * 2)
    inputs = pd.DataFrame({"row": np.arange(120.0)})
    churned = np.tile(np.arange(60) % 2, 2)

    class Recorder:
        def fit(self, frame, _labels):
            self.seen = set(users[frame["row"].astype(int)])
            return self

        def decision_function(self, frame):
            assert not self.seen & set(users[frame["row"].astype(int)])
            return np.full(len(frame), float(len(self.seen)))

    log_odds = out_of_fold_log_odds(Recorder, inputs, churned, users)
    assert np.isfinite(log_odds).all()
    assert 0 < log_odds.min() <= log_odds.max() < 60

"""Turns log-odds into probabilities that can be taken at their word.

Calibrators learn from out-of-fold log-odds: each user's rows, in every snapshot, are scored by a model that
never saw that user. scikit-learn's `CalibratedClassifierCV` with a frozen model would need rows that the
model in use has not seen, which costs the newest snapshot; out-of-fold log-odds cost nothing, so its two
methods are applied to them directly.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

Floats = NDArray[np.float64]
FOLDS = 3
ISOTONIC_FROM_ROWS = 50_000
CLIP = 1e-6


class Sigmoid:
    """Probability = logistic(slope · log-odds + intercept), Platt's method; keeps the ranking.

    Parameters
    ----------
    slope, intercept : float
        Above 0 and free.
    """

    def __init__(self, slope: float = 1.0, intercept: float = 0.0) -> None:
        self.slope = slope
        self.intercept = intercept

    def predict(self, log_odds: Floats) -> Floats:
        """Return probabilities."""
        return logistic(self.slope * log_odds + self.intercept)


class Isotonic:
    """Probability as a rising step-wise line of the log-odds, for many rows.

    Parameters
    ----------
    log_odds, probability : list of float
        Knots, both rising.
    """

    def __init__(self, log_odds: list[float], probability: list[float]) -> None:
        self.log_odds = log_odds
        self.probability = probability

    def predict(self, log_odds: Floats) -> Floats:
        """Return probabilities, straight lines between knots."""
        return np.interp(log_odds, self.log_odds, self.probability)


Calibrator = Sigmoid | Isotonic


def logistic(log_odds: Floats) -> Floats:
    """Return 1 / (1 + exp(-log-odds)), without overflow."""
    return 0.5 * (1.0 + np.tanh(0.5 * log_odds))


def log_losses(churned: NDArray[Any], probability: Floats) -> Floats:
    """Return the log loss of each row; a probability of 0 or 1 counts as a billionth away from it."""
    clipped = np.clip(probability, 1e-9, 1 - 1e-9)
    losses: Floats = -np.where(churned == 1, np.log(clipped), np.log1p(-clipped))
    return losses


def fit_calibrator(log_odds: Floats, churned: NDArray[Any]) -> Calibrator:
    """Fit on out-of-fold log-odds: isotonic regression for many rows, a sigmoid otherwise.

    A sigmoid that would turn the ranking round, or a single class, leaves the log-odds as they are.
    """
    if len(np.unique(churned)) < 2:
        return Sigmoid()
    if len(churned) >= ISOTONIC_FROM_ROWS:
        fitted = IsotonicRegression(y_min=CLIP, y_max=1 - CLIP, out_of_bounds="clip").fit(log_odds, churned)
        return Isotonic(fitted.X_thresholds_.tolist(), fitted.y_thresholds_.tolist())
    sigmoid = LogisticRegression(C=1e4).fit(log_odds[:, None], churned)
    slope = float(sigmoid.coef_[0, 0])
    return Sigmoid(slope, float(sigmoid.intercept_[0])) if slope > 0 else Sigmoid()


def user_folds(user_ids: pd.Series, folds: int = FOLDS) -> NDArray[np.int64]:
    """Return the fold of each row; all rows of a user share one, whatever else is in the data."""
    hashed = pd.util.hash_array(user_ids.to_numpy(dtype=object), categorize=True)
    return (hashed % np.uint64(folds)).astype(np.int64)


def out_of_fold_log_odds(
    build: Callable[[], Any], inputs: pd.DataFrame, churned: NDArray[Any], user_ids: pd.Series
) -> Floats:
    """Score every row with an estimator that was fitted on other users.

    Parameters
    ----------
    build : callable
        Returns an unfitted estimator with `fit` and `decision_function`.
    inputs : pandas.DataFrame
        Prepared rows.
    churned : array, shape (rows,)
        Labels, 0 or 1.
    user_ids : pandas.Series
        Whose rows they are.

    Returns
    -------
    array, shape (rows,)
        Log-odds; NaN in a fold whose other users all have the same label.
    """
    fold_of_row = user_folds(user_ids)
    log_odds = np.full(len(inputs), np.nan)
    for fold in range(FOLDS):
        held_out = fold_of_row == fold
        if held_out.any() and len(np.unique(churned[~held_out])) == 2:
            estimator = build().fit(inputs[~held_out], churned[~held_out])
            log_odds[held_out] = estimator.decision_function(inputs[held_out])
    return log_odds

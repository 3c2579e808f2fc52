"""The rule that costs nothing: the longer the silence, the likelier the churn."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression

from ml.candidates.candidate import Candidate, Parameters
from ml.features import FeatureContract
from warehouse.errors import ContractBreach

Floats = NDArray[np.float64]
RECENCY_COLUMN = "days_since_last_paid_order"
RECENCY_RULE = "recency_rule"


class RecencyRule(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Churn probability from the days since the last paid order alone.

    Fitted, it is a logistic regression on log(1 + days). Without anything to fit on, the log-odds are
    log((1 + days) / (1 + horizon)): even odds when the silence is as long as the horizon.

    Parameters
    ----------
    horizon_days : int
        Days after as_of_date in which a paid order means "not churned".
    column : str
        The recency column.

    Attributes
    ----------
    slope_, intercept_ : float
        Of the log-odds over log(1 + days).
    center_ : float
        Mean of log(1 + days) in training; stands in for a missing value.
    """

    def __init__(self, horizon_days: int = 90, column: str = RECENCY_COLUMN) -> None:
        self.horizon_days = horizon_days
        self.column = column

    def fit(self, frame: pd.DataFrame, churned: NDArray[Any]) -> "RecencyRule":
        """Fit slope and intercept; with fewer than two classes keep the rule that needs no fit."""
        log_days = self._log_days(frame)
        known = log_days[~np.isnan(log_days)]
        self.classes_ = np.array([0, 1])
        self.center_ = float(known.mean()) if len(known) else float(np.log1p(self.horizon_days))
        self.slope_, self.intercept_ = 1.0, -float(np.log1p(self.horizon_days))
        if len(np.unique(churned)) == 2:
            values = np.where(np.isnan(log_days), self.center_, log_days)[:, None]
            fitted = LogisticRegression(C=1000.0).fit(values, churned)
            self.slope_, self.intercept_ = float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
        return self

    def decision_function(self, frame: pd.DataFrame) -> Floats:
        """Return the log-odds of churn per row."""
        log_days = self._log_days(frame)
        filled: Floats = np.where(np.isnan(log_days), self.center_, log_days)
        return self.slope_ * filled + self.intercept_

    def predict_proba(self, frame: pd.DataFrame) -> Floats:
        """Return the probabilities of staying and of churn, shape (rows, 2)."""
        churn = 1.0 / (1.0 + np.exp(-self.decision_function(frame)))
        return np.column_stack([1.0 - churn, churn])

    def predict(self, frame: pd.DataFrame) -> NDArray[np.int64]:
        """Return 1 where churn is more likely than not."""
        return (self.decision_function(frame) > 0).astype(np.int64)

    def _log_days(self, frame: pd.DataFrame) -> Floats:
        if self.column not in frame.columns:
            raise ContractBreach(
                f"The recency rule needs the column {self.column}",
                list(frame.columns)[:10],
                "build it in SQL",
            )
        days: Floats = frame[self.column].to_numpy(dtype=np.float64)
        return np.log1p(np.maximum(days, 0.0))


def build(
    _contract: FeatureContract, _rows: int, horizon_days: int, _seed: int, _parameters: Parameters
) -> RecencyRule:
    """Return the unfitted rule."""
    return RecencyRule(horizon_days)


def contributions(rule: RecencyRule, frame: pd.DataFrame) -> tuple[Floats, float]:
    """Credit everything to the one column, as distance from the mean of log(1 + days)."""
    base = rule.slope_ * rule.center_ + rule.intercept_
    split = np.zeros(frame.shape)
    split[:, frame.columns.get_loc(rule.column)] = rule.decision_function(frame) - base
    return split, float(base)


CANDIDATE = Candidate(
    RECENCY_RULE,
    build,
    contributions,
    complexity=0,
    reads=(RECENCY_COLUMN,),
    trusted_types=("ml.candidates.recency_rule.RecencyRule",),
)

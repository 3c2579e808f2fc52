"""What the rules share: one variable, and a line from it to the log-odds."""

from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from ml.candidates.log_odds import LogOddsClassifier

Floats = NDArray[np.float64]


class OneVariableRule(LogOddsClassifier):
    """Log-odds of churn as a line over one variable; a subclass says which.

    Attributes
    ----------
    slope_, intercept_ : float
        Of the log-odds over the variable.
    center_ : float
        Mean of the variable in training; stands in for a missing value.
    """

    def variable(self, frame: pd.DataFrame) -> Floats:
        """Return the variable per row, rising with the risk; NaN where it is not known."""
        raise NotImplementedError

    def credited(self, frame: pd.DataFrame) -> str:
        """Return the column that the score is credited to."""
        raise NotImplementedError

    def unfitted(self) -> tuple[float, float]:
        """Return slope and intercept for data that hold one class only."""
        return 1.0, 0.0

    def learn(self, frame: pd.DataFrame) -> None:
        """Learn what `variable` needs to know of the shop; nothing, unless a subclass says otherwise."""

    def fit(self, frame: pd.DataFrame, churned: NDArray[Any]) -> Self:
        """Fit slope and intercept; with fewer than two classes keep the line that needs no fit."""
        self.learn(frame)
        self.classes_ = np.array([0, 1])
        self.slope_, self.intercept_ = self.unfitted()
        values = self.variable(frame)
        known = values[~np.isnan(values)]
        self.center_ = float(known.mean()) if len(known) else -self.intercept_ / self.slope_
        if len(np.unique(churned)) == 2:
            filled = np.where(np.isnan(values), self.center_, values)[:, None]
            fitted = LogisticRegression(C=1000.0).fit(filled, churned)
            self.slope_, self.intercept_ = float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
        return self

    def decision_function(self, frame: pd.DataFrame) -> Floats:
        """Return the log-odds of churn per row."""
        values = self.variable(frame)
        filled: Floats = np.where(np.isnan(values), self.center_, values)
        return self.slope_ * filled + self.intercept_


def one_variable_contributions(rule: OneVariableRule, frame: pd.DataFrame) -> tuple[Floats, float]:
    """Credit everything to one column, as distance from the mean of the variable."""
    base = rule.slope_ * rule.center_ + rule.intercept_
    contributions = np.zeros(frame.shape)
    contributions[:, frame.columns.get_loc(rule.credited(frame))] = rule.decision_function(frame) - base
    return contributions, float(base)

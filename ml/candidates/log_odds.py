"""The half of a classifier that follows from its log-odds."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from ml.calibration import logistic

Floats = NDArray[np.float64]


class LogOddsClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier of churn that a subclass completes by `fit` and `decision_function`."""

    def decision_function(self, frame: Any) -> Floats:
        """Return the log-odds of churn per row."""
        raise NotImplementedError

    def predict_proba(self, frame: Any) -> Floats:
        """Return the probabilities of staying and of churn, shape (rows, 2)."""
        churn = logistic(self.decision_function(frame))
        return np.column_stack([1.0 - churn, churn])

    def predict(self, frame: Any) -> NDArray[np.int64]:
        """Return 1 where churn is more likely than not."""
        return (self.decision_function(frame) > 0).astype(np.int64)

"""Logistic regression that drops inputs: both a lasso and a ridge penalty."""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.pipeline import Pipeline

from ml.candidates.candidate import Candidate, Parameter, Parameters
from ml.candidates.design import TRUSTED_TYPES, scaled_design
from ml.candidates.log_odds import LogOddsClassifier
from ml.features import FeatureContract
from ml.linear_paths import linear_contributions

Floats = NDArray[np.float64]
NEWTON_STEPS = 25
PROXIMAL_STEPS = 500
TOLERANCE = 1e-7


class ElasticNetLogistic(LogOddsClassifier):
    """Minimise mean log loss + lasso x |weights| + ridge / 2 x weights^2, by proximal Newton steps.

    Each Newton step needs the rows once, for the curvature (inputs x inputs); the penalised quadratic problem
    is then solved by accelerated proximal steps on that small matrix (Beck & Teboulle, "A Fast Iterative
    Shrinkage-Thresholding Algorithm", 2009). scikit-learn's `saga` passes over the rows hundreds of times.

    Parameters
    ----------
    lasso, ridge : float
        Weights of the penalties, against the mean loss of a row.
    """

    def __init__(self, lasso: float = 0.001, ridge: float = 0.001) -> None:
        self.lasso = lasso
        self.ridge = ridge

    def fit(self, inputs: Floats, churned: NDArray[Any]) -> Self:
        """Fit on scaled inputs, shape (rows, inputs)."""
        self.classes_ = np.array([0, 1])
        rate = np.clip(np.mean(churned), TOLERANCE, 1 - TOLERANCE)
        weights = np.append(np.zeros(inputs.shape[1]), np.log(rate / (1 - rate)))
        loss = self._loss(inputs, churned, weights)
        for _ in range(NEWTON_STEPS):
            step = self._newton_step(inputs, churned, weights) - weights
            length = 1.0
            while (better := self._loss(inputs, churned, weights + length * step)) > loss and length > 1e-3:
                length /= 2
            if loss - better < TOLERANCE:
                break
            weights, loss = weights + length * step, better
        self.coef_, self.intercept_ = weights[None, :-1], weights[-1:]
        return self

    def decision_function(self, inputs: Floats) -> Floats:
        """Return the log-odds of churn per row."""
        log_odds: Floats = inputs @ self.coef_[0] + self.intercept_[0]
        return log_odds

    def _loss(self, inputs: Floats, churned: NDArray[Any], weights: Floats) -> float:
        log_odds = inputs @ weights[:-1] + weights[-1]
        fit = np.mean(np.logaddexp(0.0, log_odds) - churned * log_odds)
        penalised = weights[:-1]
        penalty = self.lasso * np.abs(penalised).sum() + self.ridge / 2 * (penalised @ penalised)
        return float(fit + penalty)

    def _newton_step(self, inputs: Floats, churned: NDArray[Any], weights: Floats) -> Floats:
        """Return the weights that minimise the quadratic approximation of the loss around `weights`."""
        rows, count = inputs.shape
        probability = expit(inputs @ weights[:-1] + weights[-1])
        curvature = probability * (1 - probability) / rows
        curved = inputs * curvature[:, None]
        matrix = np.empty((count + 1, count + 1))
        matrix[:count, :count] = inputs.T @ curved + self.ridge * np.eye(count)
        matrix[count, :count] = matrix[:count, count] = curved.sum(axis=0)
        matrix[count, count] = curvature.sum()
        error = (probability - churned) / rows
        slope = np.append(inputs.T @ error + self.ridge * weights[:-1], error.sum())
        return self._solve(matrix, slope - matrix @ weights, weights)

    def _solve(self, matrix: Floats, linear: Floats, start: Floats) -> Floats:
        """Minimise x'Mx / 2 + linear'x + lasso |x| (without the intercept)."""
        length = 1.0 / np.linalg.eigvalsh(matrix)[-1]
        shrink = np.append(np.full(len(start) - 1, self.lasso * length), 0.0)
        point, ahead, momentum = start, start, 1.0
        for _ in range(PROXIMAL_STEPS):
            moved = ahead - length * (matrix @ ahead + linear)
            nearer: Floats = np.sign(moved) * np.maximum(np.abs(moved) - shrink, 0.0)
            faster = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
            ahead = nearer + (momentum - 1) / faster * (nearer - point)
            if np.abs(nearer - point).max() < TOLERANCE:
                return nearer
            point, momentum = nearer, faster
        return point


def build(
    contract: FeatureContract, rows: int, _horizon_days: int, _seed: int, parameters: Parameters
) -> Pipeline:
    """Return the unfitted pipeline.

    The noise in a weight's slope falls with the root of the rows, and so does the penalty that outweighs it.
    """
    penalty = float(parameters.get("penalty", 1.0)) / np.sqrt(max(rows, 1))
    lasso_share = float(parameters.get("lasso_share", 0.5))
    classify = ElasticNetLogistic(lasso=penalty * lasso_share, ridge=penalty * (1 - lasso_share))
    return Pipeline([*scaled_design(contract), ("classify", classify)])


CANDIDATE = Candidate(
    "elastic_net",
    build,
    linear_contributions,
    complexity=1,
    space=(Parameter("penalty", 0.05, 5.0, is_log=True), Parameter("lasso_share", 0.05, 0.95)),
    trusted_types=(*TRUSTED_TYPES, "ml.candidates.elastic_net.ElasticNetLogistic"),
)

"""The candidates that compete for the score. Adding one is one entry in `CANDIDATES`.

A candidate builds a scikit-learn estimator that takes the prepared frame, has `decision_function` (log-odds
of churn) and can split those log-odds into one contribution per input.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from ml.features import FeatureContract
from ml.linear_paths import linear_contributions
from ml.tree_paths import tree_contributions
from warehouse.errors import ContractBreach

Floats = NDArray[np.float64]
RECENCY_COLUMN = "days_since_last_paid_order"
RECENCY_RULE = "recency_rule"


@dataclass(frozen=True)
class Candidate:
    """One entry of the contest.

    Attributes
    ----------
    name : str
        What reports call it.
    build : callable
        (contract, rows, horizon_days, seed) -> unfitted estimator.
    contributions : callable
        (fitted estimator, prepared frame) -> (rows × inputs log-odds, base log-odds); row sums plus the base
        are the estimator's log-odds.
    reads : tuple of str
        The only columns it reads; empty for every input.
    """

    name: str
    build: Callable[[FeatureContract, int, int, int], Any]
    contributions: Callable[[Any, pd.DataFrame], tuple[Floats, float]]
    reads: tuple[str, ...] = ()


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


def signed_log(values: pd.DataFrame) -> pd.DataFrame:
    """Return sign(x) · log(1 + |x|): tames long tails, keeps order, sign and NULL."""
    numbers = values.to_numpy(dtype=np.float64)
    return pd.DataFrame(np.sign(numbers) * np.log1p(np.abs(numbers)), columns=values.columns)


def _recency_rule(_contract: FeatureContract, _rows: int, horizon_days: int, _seed: int) -> RecencyRule:
    return RecencyRule(horizon_days)


def _recency_contributions(rule: RecencyRule, frame: pd.DataFrame) -> tuple[Floats, float]:
    base = rule.slope_ * rule.center_ + rule.intercept_
    contributions = np.zeros(frame.shape)
    contributions[:, frame.columns.get_loc(rule.column)] = rule.decision_function(frame) - base
    return contributions, float(base)


def _logistic_regression(contract: FeatureContract, rows: int, _horizon: int, seed: int) -> Pipeline:
    """Regularised logistic regression; the fewer rows, the stronger the shrinkage.

    Everything is scaled to mean 0 after imputing, so a contribution is the distance from the average user.
    """
    numeric = [feature.name for feature in contract.features if feature.kind != "categorical"]
    categorical = [feature.name for feature in contract.features if feature.kind == "categorical"]
    numbers = Pipeline(
        [
            ("log", FunctionTransformer(signed_log)),
            ("impute", SimpleImputer(strategy="median", add_indicator=True)),
        ]
    )
    design = ColumnTransformer(
        [
            ("numbers", numbers, numeric),
            ("categories", OneHotEncoder(handle_unknown="ignore", sparse_output=False), categorical),
        ]
    )
    return Pipeline(
        [
            ("design", design),
            ("scale", StandardScaler()),
            ("classify", LogisticRegression(C=min(1.0, rows / 500_000), max_iter=2000, random_state=seed)),
        ]
    )


def _boosted_trees(_contract: FeatureContract, rows: int, _horizon: int, seed: int) -> Any:
    """Many small, strongly shrunk trees; leaves grow with the data so that noise is not learnt."""
    return HistGradientBoostingClassifier(
        learning_rate=0.05,
        max_iter=150,
        max_leaf_nodes=4 if rows < 30_000 else 8,
        min_samples_leaf=int(np.clip(rows / 50, 10, 200)),
        l2_regularization=10.0,
        max_features=0.5,
        categorical_features="from_dtype",
        early_stopping=False,
        random_state=seed,
    )


CANDIDATES: tuple[Candidate, ...] = (
    Candidate(RECENCY_RULE, _recency_rule, _recency_contributions, reads=(RECENCY_COLUMN,)),
    Candidate("logistic_regression", _logistic_regression, linear_contributions),
    Candidate("boosted_trees", _boosted_trees, tree_contributions),
)


def candidate_named(name: str) -> Candidate:
    """Return the candidate of that name.

    Raises
    ------
    ContractBreach
        If the registry has none.
    """
    for candidate in CANDIDATES:
        if candidate.name == name:
            return candidate
    raise ContractBreach(
        "There is no such candidate", name, f"use one of {', '.join(entry.name for entry in CANDIDATES)}"
    )

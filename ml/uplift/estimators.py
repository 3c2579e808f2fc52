"""The scikit-learn estimators that the learners are made of, for outcomes of yes or no and for amounts."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline

from ml.candidates.design import scaled_design
from ml.features import Feature, FeatureContract
from ml.model import few_threads
from ml.uplift.segments import SegmentEffects

Floats = NDArray[np.float64]
LINEAR, BOOSTED, SEGMENTS = "linear", "boosted_trees", "segments"
# The difference of two models is noisier than either, so both are shrunk as if they knew less than they do.
INVERSE_PENALTY_PER_ROW = 1 / 100_000
RIDGE_PER_ROOT_ROW = 3.0


def is_yes_or_no(outcome: Floats) -> bool:
    """Return whether an outcome knows 0 and 1 only."""
    return bool(np.isin(outcome, (0.0, 1.0)).all())


def fit_estimator(
    kind: str, inputs: pd.DataFrame, target: Floats, weight: Floats | None = None, *, seed: int = 0
) -> Any:
    """Fit a classifier on a target of 0 and 1, a regressor on any other.

    Parameters
    ----------
    kind : str
        ``linear`` (logistic regression or ridge), ``boosted_trees`` or ``segments`` (see
        `ml.uplift.segments`; a regression in any case).
    inputs : pandas.DataFrame
        Prepared rows (`ml.features.prepare`): numbers, NaN for NULL, and categories.
    target : array, shape (rows,)
        What is learnt. Where it is the same everywhere, so is the prediction.
    weight : array, shape (rows,), optional
        Of each row.
    seed : int
        Of the estimator.
    """
    if is_yes_or_no(target) and kind != SEGMENTS and len(np.unique(target)) == 2:
        return _fitted(_classifier(kind, inputs, seed), inputs, target, weight)
    return fit_regression(kind, inputs, target, weight, seed=seed)


def fit_regression(
    kind: str, inputs: pd.DataFrame, target: Floats, weight: Floats | None = None, *, seed: int = 0
) -> Any:
    """Fit a regressor on any target; see `fit_estimator`."""
    if len(np.unique(target)) < 2:
        return DummyRegressor().fit(inputs, target)
    return _fitted(_regressor(kind, inputs, seed), inputs, target, weight)


def expected(estimator: Any, inputs: pd.DataFrame) -> Floats:
    """Return the probability of 1, or the amount, that an estimator expects per row."""
    with few_threads(len(inputs)):
        if hasattr(estimator, "predict_proba"):
            return np.asarray(estimator.predict_proba(inputs)[:, 1], dtype=np.float64)
        return np.asarray(estimator.predict(inputs), dtype=np.float64)


def _classifier(kind: str, inputs: pd.DataFrame, seed: int) -> Any:
    if kind == LINEAR:
        strength = min(1.0, len(inputs) * INVERSE_PENALTY_PER_ROW)
        last = LogisticRegression(C=strength, max_iter=2000, random_state=seed)
        return Pipeline([*scaled_design(_contract_of(inputs)), ("estimate", last)])
    return HistGradientBoostingClassifier(**_trees(len(inputs), seed))


def _regressor(kind: str, inputs: pd.DataFrame, seed: int) -> Any:
    if kind == SEGMENTS:
        return SegmentEffects()
    if kind == LINEAR:
        last = Ridge(alpha=RIDGE_PER_ROOT_ROW * np.sqrt(len(inputs)), random_state=seed)
        return Pipeline([*scaled_design(_contract_of(inputs)), ("estimate", last)])
    return HistGradientBoostingRegressor(**_trees(len(inputs), seed))


def _trees(rows: int, seed: int) -> dict[str, Any]:
    return {
        "learning_rate": 0.05,
        "max_iter": 60,
        "max_leaf_nodes": 4,
        "min_samples_leaf": int(np.clip(rows / 25, 10, 500)),
        "l2_regularization": 10.0,
        "max_features": 0.5,
        "categorical_features": "from_dtype",
        "early_stopping": False,
        "random_state": seed,
    }


def _fitted(estimator: Any, inputs: pd.DataFrame, target: Floats, weight: Floats | None) -> Any:
    weights = {} if weight is None else {_weight_name(estimator): weight}
    with few_threads(len(inputs)):
        return estimator.fit(inputs, target, **weights)


def _weight_name(estimator: Any) -> str:
    return "estimate__sample_weight" if isinstance(estimator, Pipeline) else "sample_weight"


def _contract_of(inputs: pd.DataFrame) -> FeatureContract:
    """Return a contract that names the prepared columns, for the design that linear models share."""
    features = (
        Feature(str(name), "categorical" if isinstance(dtype, pd.CategoricalDtype) else "numeric")
        for name, dtype in inputs.dtypes.items()
    )
    return FeatureContract(tuple(features), {})

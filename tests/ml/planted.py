"""Shops in which two columns tell of churn, and candidates that weigh them as they are told."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from ml.candidates import Candidate, Parameter
from ml.dataset import Snapshots
from ml.features import Feature
from tests.ml.makers import PLAN

Weights = Mapping[str, float]
FEATURES = tuple(Feature(name, "numeric") for name in ("days_since_last_paid_order", "left", "right"))


class Weighted:
    """An estimator whose log-odds are a fixed sum of columns; fitting only calls back."""

    def __init__(self, weights: Weights, when_fitted: Callable[[], None]) -> None:
        self.weights, self.when_fitted = weights, when_fitted
        self.classes_ = np.array([0, 1])

    def fit(self, frame: pd.DataFrame, churned: np.ndarray) -> "Weighted":
        self.when_fitted()
        return self

    def decision_function(self, frame: pd.DataFrame) -> np.ndarray:
        return sum(weight * frame[name].to_numpy(np.float64) for name, weight in self.weights.items())


def weighing(
    name: str,
    weights: Callable[[Mapping[str, Any]], Weights] | Weights,
    space: Sequence[Parameter] = (),
    when_fitted: Callable[[], None] = lambda: None,
) -> Candidate:
    """Return a candidate with these weights, or with those that its settings say."""

    def build(
        _contract: Any, _rows: int, _horizon: int, _seed: int, parameters: Mapping[str, Any]
    ) -> Weighted:
        return Weighted(weights(parameters) if callable(weights) else weights, when_fitted)

    return Candidate(name, build, None, complexity=1, space=tuple(space))


def weighing_left(name: str = "tuned", **others: Any) -> Candidate:
    """Return a candidate that weighs `left` against `right`; all on `right` by default."""

    def weights(parameters: Mapping[str, Any]) -> Weights:
        share = float(parameters.get("left_share", 0.0))
        return {"left": share, "right": 1.0 - share}

    return weighing(name, weights, [Parameter("left_share", 0.0, 1.0)], **others)


def sleeping(name: str = "slow", seconds: float = 30.0, space: Sequence[Parameter] = ()) -> Candidate:
    """Return a candidate that takes long to fit, a step of Python at a time."""

    def sleep() -> None:
        for _ in range(int(seconds * 100)):
            time.sleep(0.01)

    return weighing(name, {"left": 1.0}, space, sleep)


def failing(name: str = "broken", space: Sequence[Parameter] = ()) -> Candidate:
    """Return a candidate that cannot be fitted."""

    def fail() -> None:
        raise ValueError("this shop is not to my taste")

    return weighing(name, {"left": 1.0}, space, fail)


def make_shop(
    weights: Weights | Callable[[date], Weights], users: int = 600, days: Sequence[date] = PLAN.snapshots
) -> Snapshots:
    """Return snapshots whose churn log-odds are a weighted sum of columns, of each day if it is told so.

    `left` and `right` are standard normal; the days since the last order count per 50 days from 90.
    """
    frames = []
    for day in days:
        random = np.random.default_rng(day.toordinal())
        silence = random.integers(0, 180, users).astype(float)
        columns = {"left": random.normal(size=users), "right": random.normal(size=users)}
        told = {**columns, "days_since_last_paid_order": (silence - 90) / 50}
        of_day = weights(day) if callable(weights) else weights
        log_odds = sum(weight * told[name] for name, weight in of_day.items())
        churned = (random.random(users) < 1 / (1 + np.exp(-log_odds))).astype("int64")
        ids = [f"u{number:05d}" for number in range(users)]
        frames.append(
            pd.DataFrame(
                {"as_of_date": [day] * users, "user_id": ids, "days_since_last_paid_order": silence}
                | columns
                | {"churned": churned}
            )
        )
    frame = pd.concat(frames, ignore_index=True)
    return Snapshots(frame, FEATURES, len(frame))

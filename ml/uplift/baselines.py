"""What a learner must beat: everybody alike, the riskiest first, one rule."""

from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class ConstantEffect:
    """The same uplift for everybody: the difference of the arms' means."""

    def fit(
        self, inputs: pd.DataFrame, outcome: Floats, treated: NDArray[Any], propensity: Floats | None = None
    ) -> Self:
        """Measure the difference; rows weigh 1 / chance of their arm where chances differ."""
        del inputs
        arm = np.asarray(treated, dtype=bool)
        chance = np.full(len(arm), 0.5) if propensity is None else np.asarray(propensity)
        self.effect_ = float(
            np.average(outcome[arm], weights=1 / chance[arm])
            - np.average(outcome[~arm], weights=1 / (1 - chance[~arm]))
        )
        return self

    def predict_uplift(self, inputs: pd.DataFrame) -> Floats:
        """Return the effect, shape (rows,)."""
        return np.full(len(inputs), self.effect_)


class RiskFirst:
    """The order of a list without uplift: the largest value of a column first. It ranks, and says no amount.

    Parameters
    ----------
    column : str
        For instance the churn probability; NaN comes last.
    """

    def __init__(self, column: str) -> None:
        self.column = column

    def fit(
        self, inputs: pd.DataFrame, outcome: Floats, treated: NDArray[Any], propensity: Floats | None = None
    ) -> Self:
        """Learn nothing."""
        del inputs, outcome, treated, propensity
        return self

    def predict_uplift(self, inputs: pd.DataFrame) -> Floats:
        """Return the column as the rank it gives."""
        values = inputs[self.column].to_numpy(dtype=np.float64)
        return np.where(np.isnan(values), -np.inf, values)


class OneRule:
    """Whoever meets a condition first, all others after: what a marketer would do by hand.

    Parameters
    ----------
    column : str
        What the condition is about.
    at_least : float
        From which value on it is met.
    """

    def __init__(self, column: str, at_least: float = 1.0) -> None:
        self.column = column
        self.at_least = at_least

    def fit(
        self, inputs: pd.DataFrame, outcome: Floats, treated: NDArray[Any], propensity: Floats | None = None
    ) -> Self:
        """Learn nothing."""
        del inputs, outcome, treated, propensity
        return self

    def predict_uplift(self, inputs: pd.DataFrame) -> Floats:
        """Return 1.0 where the condition is met, else 0.0."""
        met: Floats = (inputs[self.column].to_numpy(dtype=np.float64) >= self.at_least).astype(np.float64)
        return met

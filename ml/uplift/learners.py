"""Learners of uplift: how much better a user's outcome is expected to be if the campaign acts.

Each has ``fit(inputs, outcome, treated)`` and ``predict_uplift(inputs)``. Where the arms were not drawn with
the same chance for everybody, `propensity` says with which chance each row was treated.

- T-learner: one model per arm, their difference (Künzel et al., "Metalearners for estimating heterogeneous
  treatment effects", 2019).
- Class transformation: one model of "treated and good, or left alone and bad" (Jaśkowski & Jaroszewicz,
  "Uplift modeling for clinical trial data", 2012), rows weighted by 1 / chance of their arm.

Given an outcome that was freed of its expectation (`freed_of_expectation`), the class transformation is the
residual learner, which needs the fewest held-out users: what an outcome is above its expectation, against the
treatment above its chance (Nie & Wager, "Quasi-oracle estimation of heterogeneous treatment effects", 2021).
"""

from typing import Any, Protocol, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.uplift.estimators import LINEAR, expected, fit_estimator, fit_regression, is_yes_or_no

Floats = NDArray[np.float64]
CROSS_FIT_FOLDS = 2


class Learner(Protocol):
    """What ranks users by what a campaign changes for them."""

    def fit(
        self, inputs: pd.DataFrame, outcome: Floats, treated: NDArray[Any], propensity: Floats | None = None
    ) -> Self:
        """Learn from an experiment: one row per user."""
        ...

    def predict_uplift(self, inputs: pd.DataFrame) -> Floats:
        """Return the expected gain in outcome per user."""
        ...


class TLearner:
    """Difference of two models, one per arm.

    Parameters
    ----------
    kind : str
        Of the estimators: ``linear``, ``boosted_trees`` or ``segments``.
    seed : int
        Of the estimators.
    """

    def __init__(self, kind: str = LINEAR, seed: int = 0) -> None:
        self.kind = kind
        self.seed = seed

    def fit(
        self, inputs: pd.DataFrame, outcome: Floats, treated: NDArray[Any], propensity: Floats | None = None
    ) -> Self:
        """Fit both models; each learns within its arm, so the chance of an arm is not needed."""
        del propensity
        arm = np.asarray(treated, dtype=bool)
        self.estimators_ = tuple(
            fit_estimator(self.kind, inputs[rows], outcome[rows], seed=self.seed) for rows in (arm, ~arm)
        )
        return self

    def predict_uplift(self, inputs: pd.DataFrame) -> Floats:
        """Return the expected outcome if treated minus that if left alone."""
        if_treated, if_left_alone = self.estimators_
        return expected(if_treated, inputs) - expected(if_left_alone, inputs)


class ClassTransformation:
    """One model whose target carries the sign of the arm.

    For an outcome of 0 and 1 the target is 1 where a treated user did and an untreated one did not; with
    rows weighted by 1 / chance of their arm, the uplift is twice its probability minus 1. For an amount the
    target is the outcome × (treated / p − untreated / (1 − p)), whose expectation is the uplift.

    Parameters
    ----------
    kind : str
        Of the estimators: ``linear``, ``boosted_trees`` or ``segments``.
    seed : int
        Of the estimator.
    """

    def __init__(self, kind: str = LINEAR, seed: int = 0) -> None:
        self.kind = kind
        self.seed = seed

    def fit(
        self, inputs: pd.DataFrame, outcome: Floats, treated: NDArray[Any], propensity: Floats | None = None
    ) -> Self:
        """Fit the one model."""
        arm = np.asarray(treated, dtype=np.float64)
        chance = chance_of_treatment(arm, propensity)
        if is_yes_or_no(outcome):
            weight = np.where(arm == 1, 1 / chance, 1 / (1 - chance))
            target = np.where(arm == 1, outcome, 1 - outcome)
            estimator = fit_estimator(self.kind, inputs, target, weight / weight.mean(), seed=self.seed)
            self.scale_, self.shift_ = 2.0, -1.0
        else:
            target = outcome * (arm / chance - (1 - arm) / (1 - chance))
            estimator = fit_estimator(self.kind, inputs, target, seed=self.seed)
            self.scale_, self.shift_ = 1.0, 0.0
        self.estimators_ = (estimator,)
        return self

    def predict_uplift(self, inputs: pd.DataFrame) -> Floats:
        """Return the expected gain in outcome per user."""
        return self.scale_ * expected(self.estimators_[0], inputs) + self.shift_


def freed_of_expectation(inputs: pd.DataFrame, outcome: Floats, *, seed: int = 0) -> Floats:
    """Return what each outcome is above its expectation, whatever the arm.

    The expectation is a ridge regression's that did not see the row, so a row's own outcome is not in it and
    nothing of the arm is: effects stay as they are, with less noise around them.
    """
    fold = np.random.default_rng(seed).permutation(len(outcome)) % CROSS_FIT_FOLDS
    above = np.empty(len(outcome))
    for one in range(CROSS_FIT_FOLDS):
        held_out = fold == one
        estimator = fit_regression(LINEAR, inputs[~held_out], outcome[~held_out], seed=seed)
        above[held_out] = outcome[held_out] - expected(estimator, inputs[held_out])
    return above


def chance_of_treatment(treated: Floats, propensity: Floats | None) -> Floats:
    """Return the chance of each row to be treated: as given, else the share that was."""
    if propensity is None:
        return np.full(len(treated), treated.mean())
    return np.asarray(propensity, dtype=np.float64)

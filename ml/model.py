"""A fitted model: contract, estimator and calibrator, and how it scores and explains."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

from ml.calibration import Calibrator, Sigmoid, fit_calibrator, logistic, out_of_fold_log_odds
from ml.candidates import Candidate, candidate_named
from ml.features import Feature, FeatureContract, fit_contract, prepare
from ml.plain_effects import PlainEffect
from ml.replacement import replacement_contributions

Floats = NDArray[np.float64]
ROWS_WORTH_THREADS = 50_000
# Rows are prepared, scored and explained by so many at a time, so that memory does not grow with the shop.
BLOCK_ROWS = 131_072


@dataclass(frozen=True)
class ChurnModel:
    """Everything that turns a row of features into a calibrated probability.

    Attributes
    ----------
    candidate : str
        Name in the registry of candidates.
    trained_as_of : date
        The evening it stands on.
    horizon_days : int
        Days after as_of_date in which a paid order means "not churned".
    contract : FeatureContract
        What it reads.
    estimator : object
        Fitted scikit-learn estimator; `decision_function` gives log-odds.
    calibrator : Sigmoid or Isotonic
        From log-odds to probability.
    note : str
        What a reader must know, for instance that there was too little data; empty when all is well.
    model_version : str
        Given by the registry; empty before.
    parameters : mapping
        Settings of the candidate that differ from its defaults.
    effects : mapping of str to PlainEffect
        What users with such a value did, by input; reasons name inputs with its help. Empty where unknown.
    """

    candidate: str
    trained_as_of: date
    horizon_days: int
    contract: FeatureContract
    estimator: Any
    calibrator: Calibrator
    note: str = ""
    model_version: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    effects: Mapping[str, PlainEffect] = field(default_factory=dict)

    def log_odds(self, frame: pd.DataFrame) -> Floats:
        """Return the estimator's log-odds of churn, before calibration; shape (rows,)."""
        blocks = [frame.iloc[start : start + BLOCK_ROWS] for start in range(0, len(frame), BLOCK_ROWS)]
        log_odds = [self.log_odds_of(prepare(block, self.contract)) for block in blocks]
        return np.concatenate(log_odds) if log_odds else np.zeros(0)

    def log_odds_of(self, inputs: pd.DataFrame) -> Floats:
        """Return the log-odds of prepared rows."""
        with few_threads(len(inputs)):
            log_odds: Floats = self.estimator.decision_function(inputs)
        return log_odds

    def predict(self, frame: pd.DataFrame) -> Floats:
        """Return calibrated churn probabilities, shape (rows,)."""
        return self.calibrator.predict(self.log_odds(frame))

    def score_of(self, inputs: pd.DataFrame) -> Floats:
        """Return what contributions add up to: calibrated log-odds with a sigmoid, else uncalibrated ones."""
        log_odds = self.log_odds_of(inputs)
        if isinstance(self.calibrator, Sigmoid):
            return self.calibrator.slope * log_odds + self.calibrator.intercept
        return log_odds

    def probability_of(self, score: Floats) -> Floats:
        """Return the probabilities that belong to what contributions add up to."""
        return logistic(score) if isinstance(self.calibrator, Sigmoid) else self.calibrator.predict(score)

    def contributions(
        self, frame: pd.DataFrame, groups: Sequence[Sequence[int]] | None = None
    ) -> tuple[Floats, float]:
        """Return what each input adds to the log-odds, shape (rows, inputs), and where they start.

        With a sigmoid they add up to the calibrated log-odds; with isotonic calibration, which is no sum, to
        the log-odds before it. `groups` are the positions of inputs that belong together, for candidates that
        cannot split their own score.
        """
        contributions, base, _ = self.split(prepare(frame, self.contract), groups)
        return contributions, base

    def split(
        self, inputs: pd.DataFrame, groups: Sequence[Sequence[int]] | None = None
    ) -> tuple[Floats, float, Floats]:
        """Return contributions of prepared rows, their base, and what they lacked to add up, shape (rows,).

        What was lacking is spread over the contributions; it is 0 for candidates that split their own score.
        """
        split = candidate_named(self.candidate).contributions
        with few_threads(len(inputs)):
            if split is None:
                contributions, base, missing = replacement_contributions(self.estimator, inputs, groups)
            else:
                contributions, base = split(self.estimator, inputs)
                missing = np.zeros(len(inputs))
        if isinstance(self.calibrator, Sigmoid):
            slope = self.calibrator.slope
            return contributions * slope, base * slope + self.calibrator.intercept, missing * slope
        return contributions, base, missing


def few_threads(rows: int) -> AbstractContextManager[Any]:
    """Keep numeric libraries to one thread for small data: on a busy machine threads wait for each other."""
    return nullcontext() if rows >= ROWS_WORTH_THREADS else _libraries().limit(limits=1)


@cache
def _libraries() -> ThreadpoolController:
    """Return the numeric libraries of this process: looking for them takes as long as scoring a user."""
    return ThreadpoolController()


def fit_model(
    candidate: Candidate,
    frame: pd.DataFrame,
    features: tuple[Feature, ...],
    *,
    trained_as_of: date,
    horizon_days: int,
    seed: int,
    parameters: Mapping[str, Any] | None = None,
    note: str = "",
    contract: FeatureContract | None = None,
) -> tuple[ChurnModel, Floats]:
    """Fit one candidate and its calibrator on labelled snapshots.

    The calibrator learns from the out-of-fold log-odds of all snapshots; the estimator is then fitted on
    every row.

    Parameters
    ----------
    candidate : Candidate
        What to fit.
    frame : pandas.DataFrame
        as_of_date, user_id, features, churned.
    features : tuple of Feature
        Columns that may be read.
    trained_as_of : date
        The evening it stands on.
    horizon_days : int
        The label's window.
    seed : int
        Of the estimator.
    parameters : mapping, optional
        Settings of the candidate; what is not named keeps its default.
    note : str
        Kept with the model.
    contract : FeatureContract, optional
        What `fit_contract` learnt from these rows, where it is known already.

    Returns
    -------
    model : ChurnModel
    log_odds : array, shape (rows,)
        Out-of-fold, before calibration.
    """
    contract = contract or fit_contract(frame, features, horizon_days=horizon_days)
    if candidate.reads:
        contract = contract.reading(features, candidate.reads)
    chosen = dict(parameters or {})
    inputs = prepare(frame, contract)
    churned = frame["churned"].to_numpy()

    def build() -> Any:
        return candidate.build(contract, len(frame), horizon_days, seed, chosen)

    with few_threads(len(frame)):
        out_of_fold = out_of_fold_log_odds(build, inputs, churned, frame["user_id"])
        usable = ~np.isnan(out_of_fold)
        calibrator = fit_calibrator(out_of_fold[usable], churned[usable]) if usable.any() else Sigmoid()
        estimator = build().fit(inputs, churned)
    model = ChurnModel(
        candidate=candidate.name,
        trained_as_of=trained_as_of,
        horizon_days=horizon_days,
        contract=contract,
        estimator=estimator,
        calibrator=calibrator,
        note=note,
        parameters=chosen,
    )
    return model, out_of_fold

"""A small neural network over the scaled inputs."""

import warnings
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import logit
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline

from ml.candidates.candidate import Candidate, Parameter, Parameters
from ml.candidates.design import TRUSTED_TYPES, scaled_design
from ml.candidates.log_odds import LogOddsClassifier
from ml.features import FeatureContract
from ml.replacement import reference_of

Floats = NDArray[np.float64]
CLIP = 1e-9


class LogOdds(LogOddsClassifier):
    """A model with `predict_proba` as one with `decision_function`.

    Parameters
    ----------
    model : estimator
        Unfitted.

    Attributes
    ----------
    model_ : fitted model
    reference_ : dict
        The ordinary user: the input that stands for "not known" when a score is explained.
    """

    def __init__(self, model: Any = None) -> None:
        self.model = model

    def fit(self, frame: pd.DataFrame, churned: NDArray[Any]) -> Self:
        """Fit the model; that it stops after its last epoch is how it is held back, and no fault."""
        self.classes_ = np.array([0, 1])
        self.reference_ = reference_of(frame)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            self.model_ = clone(self.model).fit(frame, churned)
        return self

    def decision_function(self, frame: pd.DataFrame) -> Floats:
        """Return the log-odds of churn per row."""
        log_odds: Floats = logit(np.clip(self.model_.predict_proba(frame)[:, 1], CLIP, 1 - CLIP))
        return log_odds


def build(
    contract: FeatureContract, rows: int, _horizon_days: int, seed: int, parameters: Parameters
) -> LogOdds:
    """Return the unfitted network; batches grow with the rows, so that an epoch is about 100 steps."""
    network = MLPClassifier(
        hidden_layer_sizes=(int(parameters.get("units", 16)),),
        alpha=float(parameters.get("penalty", 3.0)),
        learning_rate_init=float(parameters.get("learning_rate", 0.003)),
        batch_size=int(np.clip(rows // 100, 32, 2048)),
        max_iter=int(parameters.get("epochs", 15)),
        tol=1e-5,
        random_state=seed,
    )
    return LogOdds(Pipeline([*scaled_design(contract), ("classify", network)]))


CANDIDATE = Candidate(
    "neural_network",
    build,
    None,
    complexity=3,
    space=(
        Parameter("units", 4, 64, is_log=True, is_whole=True),
        Parameter("penalty", 0.1, 100.0, is_log=True),
        Parameter("learning_rate", 0.0005, 0.01, is_log=True),
        Parameter("epochs", 5, 40, is_log=True, is_whole=True),
    ),
    trusted_types=(
        *TRUSTED_TYPES,
        "ml.candidates.neural_network.LogOdds",
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    ),
)

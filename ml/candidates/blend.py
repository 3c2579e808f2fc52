"""Soft vote of three models that err differently: the weighted mean of their log-odds.

Two read everything, a line and steps; the third knows the rhythm of purchases only and cannot be misled by
the noise of the rest. Only members whose score can be split exactly and cheaply are let in, so that the
blend's can be.
"""

from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone

from ml.candidates import boosted_trees, buy_till_you_die, logistic_regression
from ml.candidates.candidate import Candidate, Parameter, Parameters
from ml.candidates.log_odds import LogOddsClassifier
from ml.features import FeatureContract

Floats = NDArray[np.float64]
MEMBERS = {
    one.CANDIDATE.name: one.CANDIDATE for one in (buy_till_you_die, logistic_regression, boosted_trees)
}


class Blend(LogOddsClassifier):
    """Weighted mean of the members' log-odds; each is fitted on every row.

    Parameters
    ----------
    members : list of (str, estimator)
        Name of the candidate, and the unfitted estimator.
    weights : list of float
        Of each member; they add up to 1.

    Attributes
    ----------
    members_ : list of fitted estimators
    """

    def __init__(self, members: Any = None, weights: Any = None) -> None:
        self.members = members
        self.weights = weights

    def fit(self, frame: pd.DataFrame, churned: NDArray[Any]) -> Self:
        """Fit every member."""
        self.classes_ = np.array([0, 1])
        self.members_ = [clone(member).fit(frame, churned) for _, member in self.members]
        return self

    def decision_function(self, frame: pd.DataFrame) -> Floats:
        """Return the log-odds of churn per row."""
        total = np.zeros(len(frame))
        for member, weight in zip(self.members_, self.weights, strict=True):
            total += weight * member.decision_function(frame)
        return total


def build(
    contract: FeatureContract, rows: int, horizon_days: int, seed: int, parameters: Parameters
) -> Blend:
    """Return the unfitted blend.

    `trees_share` and `rhythm_share` are the weights of the boosted trees and of the rhythm of purchases; the
    regression has the rest. `parameters` may hold a mapping per member, under the member's name.
    """
    trees = float(parameters.get("trees_share", 0.45))
    rhythm = float(parameters.get("rhythm_share", 0.15))
    weights = {
        "buy_till_you_die": rhythm,
        "logistic_regression": 1.0 - trees - rhythm,
        "boosted_trees": trees,
    }
    members = [
        (
            name,
            candidate.build(
                _of_member(candidate, contract), rows, horizon_days, seed, parameters.get(name, {})
            ),
        )
        for name, candidate in MEMBERS.items()
    ]
    return Blend(members, [weights[name] for name in MEMBERS])


def _of_member(member: Candidate, contract: FeatureContract) -> FeatureContract:
    return contract.reading(contract.features, member.reads) if member.reads else contract


def contributions(blend: Blend, frame: pd.DataFrame) -> tuple[Floats, float]:
    """Return the weighted mean of the members' contributions."""
    total, base = np.zeros(frame.shape), 0.0
    for (name, _), member, weight in zip(blend.members, blend.members_, blend.weights, strict=True):
        split = MEMBERS[name].contributions
        assert split is not None  # noqa: S101 -- only members that can split their score are let in
        of_member, base_of_member = split(member, frame)
        total += weight * of_member
        base += weight * base_of_member
    return total, base


CANDIDATE = Candidate(
    "blend",
    build,
    contributions,
    complexity=4,
    space=(Parameter("trees_share", 0.1, 0.7), Parameter("rhythm_share", 0.0, 0.3)),
    members=tuple(MEMBERS),
    trusted_types=(
        "ml.candidates.blend.Blend",
        *sorted({name for member in MEMBERS.values() for name in member.trusted_types}),
    ),
)

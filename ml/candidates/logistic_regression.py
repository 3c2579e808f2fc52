"""Regularised logistic regression over every input."""

from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from ml.candidates.candidate import Candidate, Parameter, Parameters
from ml.candidates.design import TRUSTED_TYPES, scaled_design
from ml.features import FeatureContract
from ml.linear_paths import linear_contributions


def build(
    contract: FeatureContract, rows: int, _horizon_days: int, seed: int, parameters: Parameters
) -> Pipeline:
    """Return the unfitted pipeline; the fewer rows, the stronger the shrinkage.

    `C` is given per 500,000 rows: the penalty keeps its weight against the mean loss of a row.
    """
    strength = min(1.0, rows / 500_000 * float(parameters.get("inverse_penalty", 1.0)))
    classify = LogisticRegression(C=strength, max_iter=2000, random_state=seed)
    return Pipeline([*scaled_design(contract), ("classify", classify)])


CANDIDATE = Candidate(
    "logistic_regression",
    build,
    linear_contributions,
    complexity=1,
    space=(Parameter("inverse_penalty", 0.05, 20.0, is_log=True),),
    trusted_types=TRUSTED_TYPES,
)

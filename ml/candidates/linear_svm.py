"""Linear support vector machine: a margin, which the calibrator turns into a probability."""

from sklearn.pipeline import Pipeline
from sklearn.svm import LinearSVC

from ml.candidates.candidate import Candidate, Parameter, Parameters
from ml.candidates.design import TRUSTED_TYPES, scaled_design
from ml.features import FeatureContract
from ml.linear_paths import linear_contributions


def build(
    contract: FeatureContract, rows: int, _horizon_days: int, seed: int, parameters: Parameters
) -> Pipeline:
    """Return the unfitted pipeline; the fewer rows, the stronger the shrinkage.

    The squared hinge loss curves about four times as much as the logistic loss: at a quarter of its weight
    the penalty is as strong as in `logistic_regression`.
    """
    strength = min(1.0, rows / 500_000 * float(parameters.get("inverse_penalty", 1.0))) / 4.0
    classify = LinearSVC(C=strength, dual=False, random_state=seed)
    return Pipeline([*scaled_design(contract), ("classify", classify)])


CANDIDATE = Candidate(
    "linear_svm",
    build,
    linear_contributions,
    complexity=1,
    space=(Parameter("inverse_penalty", 0.05, 20.0, is_log=True),),
    trusted_types=TRUSTED_TYPES,
)

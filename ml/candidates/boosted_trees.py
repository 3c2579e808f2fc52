"""Gradient-boosted trees: many small ones, strongly shrunk."""

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from ml.candidates.candidate import Candidate, Parameter, Parameters
from ml.features import FeatureContract
from ml.tree_paths import tree_contributions


def build(
    _contract: FeatureContract, rows: int, _horizon_days: int, seed: int, parameters: Parameters
) -> HistGradientBoostingClassifier:
    """Return the unfitted model; leaves grow with the data so that noise is not learnt.

    `leaf_share` is the smallest leaf as a share of the rows, kept between 10 and 200 rows unless it is given.
    """
    leaf = rows * parameters["leaf_share"] if "leaf_share" in parameters else np.clip(rows / 50, 10, 200)
    return HistGradientBoostingClassifier(
        learning_rate=float(parameters.get("learning_rate", 0.05)),
        max_iter=int(parameters.get("trees", 150)),
        max_leaf_nodes=int(parameters.get("leaves", 4 if rows < 30_000 else 8)),
        min_samples_leaf=int(max(10, leaf)),
        l2_regularization=float(parameters.get("ridge", 10.0)),
        max_features=float(parameters.get("input_share", 0.5)),
        categorical_features="from_dtype",
        early_stopping=False,
        random_state=seed,
    )


CANDIDATE = Candidate(
    "boosted_trees",
    build,
    tree_contributions,
    complexity=3,
    space=(
        Parameter("learning_rate", 0.02, 0.1, is_log=True),
        Parameter("trees", 60, 400, is_log=True, is_whole=True),
        Parameter("leaves", 3, 16, is_log=True, is_whole=True),
        Parameter("leaf_share", 0.001, 0.05, is_log=True),
        Parameter("ridge", 0.1, 100.0, is_log=True),
        Parameter("input_share", 0.2, 1.0),
    ),
    trusted_types=(
        "functools.partial",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.utils.validation.check_array",
    ),
)

"""Random forest: many deep trees, each grown on other rows and other inputs."""

from sklearn.ensemble import RandomForestClassifier

from ml.candidates.candidate import Candidate, Parameter, Parameters
from ml.candidates.plain_trees import TRUSTED_TYPES, PlainTrees, forest_contributions
from ml.features import FeatureContract

# A tree grown on more rows takes longer and is no better: the forest averages over the draws anyway.
ROWS_PER_TREE = 20_000


def build(
    _contract: FeatureContract, rows: int, _horizon_days: int, seed: int, parameters: Parameters
) -> PlainTrees:
    """Return the unfitted forest; leaves hold at least one in two hundred of a tree's rows."""
    drawn = min(rows, ROWS_PER_TREE)
    forest = RandomForestClassifier(
        n_estimators=int(parameters.get("trees", 100)),
        criterion="log_loss",
        max_features=float(parameters.get("input_share", 0.2)),
        min_samples_leaf=max(5, int(drawn * float(parameters.get("leaf_share", 0.005)))),
        max_samples=drawn if drawn < rows else None,
        n_jobs=-1 if rows > ROWS_PER_TREE else None,
        random_state=seed,
    )
    return PlainTrees(forest)


CANDIDATE = Candidate(
    "random_forest",
    build,
    forest_contributions,
    complexity=3,
    space=(
        Parameter("input_share", 0.05, 0.6, is_log=True),
        Parameter("leaf_share", 0.001, 0.03, is_log=True),
    ),
    trusted_types=TRUSTED_TYPES,
)

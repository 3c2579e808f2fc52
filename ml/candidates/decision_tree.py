"""One small decision tree: a page of rules that anybody can read."""

from sklearn.tree import DecisionTreeClassifier

from ml.candidates.candidate import Candidate, Parameter, Parameters
from ml.candidates.plain_trees import TRUSTED_TYPES, PlainTrees, tree_contributions
from ml.features import FeatureContract


def build(
    _contract: FeatureContract, rows: int, _horizon_days: int, seed: int, parameters: Parameters
) -> PlainTrees:
    """Return the unfitted tree; a leaf holds at least a fiftieth of the rows."""
    tree = DecisionTreeClassifier(
        criterion="log_loss",
        max_leaf_nodes=int(parameters.get("leaves", 12)),
        min_samples_leaf=max(10, int(rows * float(parameters.get("leaf_share", 0.02)))),
        random_state=seed,
    )
    return PlainTrees(tree)


CANDIDATE = Candidate(
    "decision_tree",
    build,
    tree_contributions,
    complexity=2,
    space=(
        Parameter("leaves", 4, 32, is_log=True, is_whole=True),
        Parameter("leaf_share", 0.003, 0.05, is_log=True),
    ),
    trusted_types=TRUSTED_TYPES,
)

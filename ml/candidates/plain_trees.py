"""What a plain tree and a forest share: a matrix with NaN in it, and log-odds instead of class shares."""

from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import logit
from sklearn.base import clone

from ml.candidates.log_odds import LogOddsClassifier
from ml.forest_paths import path_contributions

Floats = NDArray[np.float64]
# A leaf counts as if it held so many more rows, churned at the rate of all: no leaf is certain.
PRIOR_ROWS = 10.0
TRUSTED_TYPES = ("ml.candidates.plain_trees.PlainTrees", "sklearn.tree._tree.Tree")


class PlainTrees(LogOddsClassifier):
    """A decision tree or random forest with `decision_function`.

    The log-odds are those of the mean over trees of the share of churned rows in a row's leaf. Categories are
    read as numbers in alphabetical order.

    Parameters
    ----------
    model : DecisionTreeClassifier or RandomForestClassifier
        Unfitted.

    Attributes
    ----------
    model_ : fitted model
    rate_ : float
        Share of churned rows in training.
    """

    def __init__(self, model: Any = None) -> None:
        self.model = model

    def fit(self, frame: pd.DataFrame, churned: NDArray[Any]) -> Self:
        """Fit the trees on a prepared frame."""
        self.classes_ = np.array([0, 1])
        self.rate_ = float(np.mean(churned))
        self.model_ = clone(self.model).fit(as_matrix(frame), churned)
        return self

    def decision_function(self, frame: pd.DataFrame) -> Floats:
        """Return the log-odds of churn per row."""
        matrix = as_matrix(frame)
        trees = self.trees()
        shares = np.zeros(len(matrix))
        for tree in trees:
            shares += self.node_shares(tree)[tree.apply(matrix)] / len(trees)
        log_odds: Floats = logit(shares)
        return log_odds

    def trees(self) -> list[Any]:
        """Return the structure of each tree."""
        return [member.tree_ for member in getattr(self.model_, "estimators_", [self.model_])]

    @property
    def is_forest(self) -> bool:
        """Return whether there are several trees, whose shares are averaged."""
        return hasattr(self.model_, "estimators_")

    def node_values(self, tree: Any) -> Floats:
        """Return what a split moves: a tree's log-odds, or a forest's share of churned rows."""
        shares = self.node_shares(tree)
        return shares if self.is_forest else np.asarray(logit(shares))

    def node_shares(self, tree: Any) -> Floats:
        """Return the share of churned rows in each node, shrunk to the rate of all."""
        rows = tree.weighted_n_node_samples
        shares: Floats = (rows * tree.value[:, 0, 1] + PRIOR_ROWS * self.rate_) / (rows + PRIOR_ROWS)
        return shares


def as_matrix(frame: pd.DataFrame) -> NDArray[np.float32]:
    """Return a prepared frame as numbers, categories by their position; NaN stays."""
    columns = [
        np.where(values.cat.codes < 0, np.nan, values.cat.codes)
        if isinstance(values.dtype, pd.CategoricalDtype)
        else values.to_numpy()
        for _, values in frame.items()
    ]
    return np.column_stack(columns).astype(np.float32)


def tree_contributions(model: PlainTrees, frame: pd.DataFrame) -> tuple[Floats, float]:
    """Split the log-odds of a single tree: each split moves the log-odds of the node."""
    tree = model.trees()[0]
    return path_contributions([tree], [model.node_values(tree)], as_matrix(frame))


def forest_contributions(model: PlainTrees, frame: pd.DataFrame) -> tuple[Floats, float]:
    """Split the log-odds of a forest, by way of the share of churned rows that its trees' moves add up to."""
    trees = model.trees()
    shares, base = path_contributions(trees, [model.node_values(tree) for tree in trees], as_matrix(frame))
    return stretched(shares, base), float(logit(base))


def stretched(shares: Floats, base: float) -> Floats:
    """Turn moves of a share, which start at `base`, into moves of its log-odds; both shape (rows, inputs).

    Going from the base to a row's share in a straight line, every input's part of the way is worth the same
    in log-odds: the moves are stretched by the slope of the chord, and add up to the log-odds exactly.
    """
    moved = shares.sum(axis=1)
    is_far = np.abs(moved) > 1e-9
    chord = (logit(base + moved) - logit(base)) / np.where(is_far, moved, 1.0)
    return shares * np.where(is_far, chord, 1.0 / (base * (1.0 - base)))[:, None]

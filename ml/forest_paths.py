"""Exact path contributions for scikit-learn's plain trees and forests.

As in `ml.tree_paths`: each split on a row's way down moves the value of the node, and the move is credited to
the input that was split on. A leaf fixes its path, so that a table per tree holds the contributions of each
of its leaves.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LeafMoves:
    """Contributions per leaf of one tree.

    Attributes
    ----------
    used : array of int
        Columns that the tree splits on.
    moves : array, shape (len(used), nodes)
        What each of them moves the value on the way from the root to a node.
    root : float
        Value of the root.
    """

    used: NDArray[np.int64]
    moves: Floats
    root: float


def leaf_moves(tree: Any, values: Floats) -> LeafMoves:
    """Return the contributions per leaf.

    Parameters
    ----------
    tree : sklearn.tree._tree.Tree
        The structure, ``model.tree_``.
    values : array, shape (nodes,)
        Value of each node, in the unit of the contributions.
    """
    splits = np.flatnonzero(tree.children_left >= 0)
    used = np.unique(tree.feature[splits]).astype(np.int64)
    moves = np.zeros((len(used), tree.node_count))
    for node in splits:  # a parent stands before its children
        position = np.searchsorted(used, tree.feature[node])
        for child in (tree.children_left[node], tree.children_right[node]):
            moves[:, child] = moves[:, node]
            moves[position, child] += values[child] - values[node]
    return LeafMoves(used, moves, float(values[0]))


def path_contributions(
    trees: list[Any], values: list[Floats], matrix: NDArray[np.float32]
) -> tuple[Floats, float]:
    """Return the mean contributions over trees, shape (rows, columns), and the mean value of their roots."""
    total = np.zeros((matrix.shape[1], len(matrix)))
    roots = 0.0
    for tree, of_nodes in zip(trees, values, strict=True):
        leaves = tree.apply(matrix)
        table = leaf_moves(tree, of_nodes)
        roots += table.root / len(trees)
        for position, column in enumerate(table.used):
            total[column] += table.moves[position][leaves] / len(trees)
    return total.T, roots

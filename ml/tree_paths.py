"""Exact path contributions of each input to a gradient-boosted model's log-odds.

Walking down a tree, each split moves the expected log-odds from the value of a node (the mean of its leaves,
weighted by training rows) to that of its child; the move is credited to the input that was split on. Moves
along a path add up to leaf - root exactly, so contributions plus the base are the model's raw score. These
are path attributions (Saabas, "Interpreting random forests", 2014), not Shapley values: they depend on the
order of splits.

A leaf fixes its path, so contributions are looked up per leaf: one small table per tree and no walk per
input. Which leaf a row falls into is found by scikit-learn's own compiled trees, made to return the number of
the leaf in place of its value.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
from sklearn.utils._openmp_helpers import _openmp_effective_n_threads

Floats = NDArray[np.float64]
BLOCK_ROWS = 16_384


@dataclass(frozen=True)
class _Tree:
    leaves: TreePredictor
    used: NDArray[np.int64]
    moves: Floats
    root: float


# What was read of models, as long as they are there.
_READ: WeakKeyDictionary[Any, tuple[Any, list[_Tree]]] = WeakKeyDictionary()


def tree_contributions(model: Any, frame: pd.DataFrame) -> tuple[Floats, float]:
    """Split the raw score of a fitted HistGradientBoostingClassifier into one contribution per input.

    Parameters
    ----------
    model : HistGradientBoostingClassifier
        Fitted on two classes and a pandas frame.
    frame : pandas.DataFrame
        Rows to explain, columns as in `fit`.

    Returns
    -------
    contributions : array, shape (rows, inputs)
        Log-odds, in the order of the frame's columns.
    base : float
        Expected log-odds over the training rows; ``contributions.sum(axis=1) + base`` is `decision_function`.
    """
    order = columns_inside(model, frame.shape[1])
    trees = _trees_of(model)
    base = float(model._baseline_prediction.ravel()[0]) + sum(tree.root for tree in trees)
    known_categories = model._bin_mapper.make_known_categories_bitsets()
    contributions = np.zeros((frame.shape[1], len(frame)))

    def fill(rows: slice) -> None:
        values = model._preprocess_X(frame.iloc[rows], reset=False)
        leaf_moves = np.empty(len(values))
        for tree in trees:
            leaves = tree.leaves.predict(values, *known_categories, 1).astype(np.intp)
            for move, column in zip(tree.moves, tree.used, strict=True):
                contributions[order[column], rows] += np.take(move, leaves, out=leaf_moves, mode="clip")

    # A thread per block of rows, not per tree: threads that wait for each other after every tree lose most of
    # their time on a busy machine.
    blocks = [slice(start, start + BLOCK_ROWS) for start in range(0, len(frame), BLOCK_ROWS)]
    with ThreadPoolExecutor(_openmp_effective_n_threads()) as pool:
        list(pool.map(fill, blocks))
    return contributions.T, base


def columns_inside(model: Any, width: int) -> NDArray[np.int64]:
    """Return, for each column inside the model (categories first), its place in the frame."""
    categorical = model.is_categorical_
    if categorical is None:
        return np.arange(width)
    return np.concatenate([np.flatnonzero(categorical), np.flatnonzero(~categorical)])


def _trees_of(model: Any) -> list[_Tree]:
    """Return a model's trees, read once: for a single row, reading them takes longer than using them."""
    read_from, trees = _READ.get(model, (None, []))
    if read_from is not model._predictors:  # new, or fitted anew
        trees = [_read_tree(predictors[0]) for predictors in model._predictors]
        _READ[model] = (model._predictors, trees)
    return trees


def _read_tree(predictor: Any) -> _Tree:
    nodes = predictor.nodes
    is_leaf = nodes["is_leaf"].astype(bool)
    left, right = nodes["left"].astype(np.int64), nodes["right"].astype(np.int64)
    values = _node_values(nodes, is_leaf, left, right)
    used = np.unique(nodes["feature_idx"][~is_leaf]).astype(np.int64)
    moves = np.zeros((len(used), len(nodes)))
    for node in np.flatnonzero(~is_leaf):  # a parent stands before its children
        position = np.searchsorted(used, nodes["feature_idx"][node])
        for child in (left[node], right[node]):
            moves[:, child] = moves[:, node]
            moves[position, child] += values[child] - values[node]
    numbered = nodes.copy()
    numbered["value"] = np.arange(len(nodes))
    leaves = TreePredictor(numbered, predictor.binned_left_cat_bitsets, predictor.raw_left_cat_bitsets)
    return _Tree(leaves, used, moves, float(values[0]))


def _node_values(nodes: Any, is_leaf: NDArray[np.bool_], left: Any, right: Any) -> Floats:
    values = np.where(is_leaf, nodes["value"], 0.0)
    counts = nodes["count"].astype(np.float64)
    for node in np.flatnonzero(~is_leaf)[::-1]:
        sides = [left[node], right[node]]
        values[node] = values[sides] @ counts[sides] / counts[sides].sum()
    return values

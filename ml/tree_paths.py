"""Exact path contributions of each input to a gradient-boosted model's log-odds.

Walking down a tree, each split moves the expected log-odds from the value of a node (the mean of its leaves,
weighted by training rows) to that of its child; the move is credited to the input that was split on. Moves
along a path add up to leaf - root exactly, so contributions plus the base are the model's raw score. These
are path attributions (Saabas, "Interpreting random forests", 2014), not Shapley values: they depend on the
order of splits.

A leaf fixes its path, so contributions are looked up per leaf: one small table per tree and no walk per
input.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
BLOCK_ROWS = 16_384


@dataclass(frozen=True)
class _Tree:
    inputs: NDArray[np.int64]
    threshold: NDArray[np.uint8]
    children: NDArray[np.int64]
    goes_left: NDArray[np.bool_]
    is_leaf: NDArray[np.bool_]
    depth: int
    used: NDArray[np.int64]
    moves: Floats
    root: float


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
    order = _columns_inside(model, frame.shape[1])
    trees = [_read_tree(model, predictors[0]) for predictors in model._predictors]
    base = float(model._baseline_prediction.ravel()[0]) + sum(tree.root for tree in trees)
    contributions = np.zeros(frame.shape)
    for rows, bins in _binned_blocks(model, frame):
        block = np.zeros((frame.shape[1], bins.shape[1]))
        for tree in trees:
            leaves = _leaves_of(tree, bins)
            for position, column in enumerate(tree.used):
                block[column] += tree.moves[position][leaves]
        contributions[rows, order] = block.T
    return contributions, base


def _columns_inside(model: Any, width: int) -> NDArray[np.int64]:
    """Return, for each column inside the model (categories first), its place in the frame."""
    categorical = model.is_categorical_
    if categorical is None:
        return np.arange(width)
    return np.concatenate([np.flatnonzero(categorical), np.flatnonzero(~categorical)])


def _binned_blocks(model: Any, frame: pd.DataFrame) -> Iterator[tuple[slice, NDArray[np.uint8]]]:
    for start in range(0, len(frame), BLOCK_ROWS):
        rows = slice(start, min(start + BLOCK_ROWS, len(frame)))
        values = model._preprocess_X(frame.iloc[rows], reset=False)
        yield rows, np.ascontiguousarray(model._bin_mapper.transform(values).T)


def _read_tree(model: Any, predictor: Any) -> _Tree:
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
    return _Tree(
        inputs=np.where(is_leaf, 0, nodes["feature_idx"]).astype(np.int64),
        threshold=nodes["bin_threshold"],
        children=np.stack([np.where(is_leaf, np.arange(len(nodes)), side) for side in (right, left)], axis=1),
        goes_left=_goes_left(nodes, predictor, int(model._bin_mapper.missing_values_bin_idx_)),
        is_leaf=is_leaf,
        depth=int(nodes["depth"].max()),
        used=used,
        moves=moves,
        root=float(values[0]),
    )


def _node_values(nodes: Any, is_leaf: NDArray[np.bool_], left: Any, right: Any) -> Floats:
    values = np.where(is_leaf, nodes["value"], 0.0)
    counts = nodes["count"].astype(np.float64)
    for node in np.flatnonzero(~is_leaf)[::-1]:
        sides = [left[node], right[node]]
        values[node] = np.average(values[sides], weights=counts[sides])
    return values


def _goes_left(nodes: Any, predictor: Any, missing_bin: int) -> NDArray[np.bool_]:
    """Return, per node and bin, whether a row goes left; shape (nodes, 256)."""
    bins = np.arange(256)
    table: NDArray[np.bool_] = bins[None, :] <= nodes["bin_threshold"][:, None]
    for node in np.flatnonzero(nodes["is_categorical"]):
        bitset = predictor.binned_left_cat_bitsets[nodes["bitset_idx"][node]]
        table[node] = (bitset[bins // 32] >> (bins % 32)) & 1
    table[:, missing_bin] = nodes["missing_go_to_left"].astype(bool)
    return table


def _leaves_of(tree: _Tree, bins: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the leaf of each row; `bins` has shape (inputs, rows)."""
    rows = np.arange(bins.shape[1])
    at = np.zeros(bins.shape[1], dtype=np.int64)
    for _ in range(tree.depth):
        bin_of_row = bins[tree.inputs[at], rows]
        at = tree.children[at, tree.goes_left[at, bin_of_row].astype(np.int64)]
    return at

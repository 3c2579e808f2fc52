"""How far our contributions agree with Shapley values, on a sample.

Path contributions are cheap and add up, but they depend on the order of a tree's splits; Shapley values do
not, and take a hundred times longer. The `shap` package computes them for trees (Lundberg et al., "From local
explanations to global understanding with explainable AI for trees", 2020). For a sum of terms of one input
each, such as a linear model, our contributions are the Shapley values.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.ensemble import HistGradientBoostingClassifier

from ml.candidates import candidate_named
from ml.candidates.blend import Blend
from ml.candidates.plain_trees import PlainTrees, as_matrix, stretched
from ml.explanation import themes_of
from ml.features import prepare
from ml.model import ChurnModel
from ml.tree_paths import columns_inside

Floats = NDArray[np.float64]
ROWS = 2_000


@dataclass(frozen=True)
class Agreement:
    """What a sample of users showed.

    Attributes
    ----------
    users : int
        Size of the sample.
    same_first_theme : float
        Share of users whose strongest theme is the same.
    rank_correlation : float
        Mean over users of Spearman's correlation between the themes' contributions; 1 where all are equal.
    """

    users: int
    same_first_theme: float
    rank_correlation: float


def shap_agreement(
    model: ChurnModel, frame: pd.DataFrame, themes: Mapping[str, str], *, rows: int = ROWS, seed: int = 0
) -> Agreement | None:
    """Compare the themes' contributions of a sample of users with the sums of their Shapley values.

    Parameters
    ----------
    model : ChurnModel
        Whose contributions are judged.
    frame : pandas.DataFrame
        Rows to draw from.
    themes : mapping of str to str
        Theme of each input, where known.
    rows : int
        Size of the sample.
    seed : int
        Of the draw.

    Returns
    -------
    Agreement or None
        None for a model whose Shapley values take too long: a neural network.
    """
    drawn = np.sort(np.random.default_rng(seed).permutation(len(frame))[:rows])
    inputs = prepare(frame.iloc[drawn], model.contract)
    values = _shapley_values(model.candidate, model.estimator, inputs)
    if values is None:
        return None
    ours, _, _ = model.split(inputs)
    groups = list(themes_of(model, themes).values())
    of_ours, of_shap = (
        np.column_stack([split[:, columns].sum(axis=1) for columns in groups]) for split in (ours, values)
    )
    same = np.abs(of_ours).argmax(axis=1) == np.abs(of_shap).argmax(axis=1)
    return Agreement(len(inputs), float(same.mean()), float(_rank_correlations(of_ours, of_shap).mean()))


def _rank_correlations(one: Floats, other: Floats) -> Floats:
    """Return Spearman's correlation per row; 1 for rows in which either has no order."""
    ranks = [rankdata(values, axis=1) for values in (one, other)]
    centred = [rank - rank.mean(axis=1, keepdims=True) for rank in ranks]
    spread = np.sqrt((centred[0] ** 2).sum(axis=1) * (centred[1] ** 2).sum(axis=1))
    together = (centred[0] * centred[1]).sum(axis=1)
    return np.where(spread > 0, together / np.where(spread > 0, spread, 1.0), 1.0)


def _shapley_values(name: str, estimator: Any, inputs: pd.DataFrame) -> Floats | None:
    """Return Shapley values in log-odds, shape (rows, inputs)."""
    if isinstance(estimator, Blend):
        total = np.zeros(inputs.shape)
        for (member, _), fitted, weight in zip(
            estimator.members, estimator.members_, estimator.weights, strict=True
        ):
            values = _shapley_values(member, fitted, inputs)
            total += weight * (0.0 if values is None else values)
        return total
    if isinstance(estimator, HistGradientBoostingClassifier):
        return _of_boosted_trees(estimator, inputs)
    if isinstance(estimator, PlainTrees):
        return _of_plain_trees(estimator, inputs)
    split = candidate_named(name).contributions
    return None if split is None else split(estimator, inputs)[0]


def _of_plain_trees(model: PlainTrees, inputs: pd.DataFrame) -> Floats:
    trees = [
        {
            "children_left": tree.children_left,
            "children_right": tree.children_right,
            "children_default": np.where(tree.missing_go_to_left, tree.children_left, tree.children_right),
            "features": tree.feature,
            "thresholds": tree.threshold.astype(np.float64),
            "values": model.node_values(tree)[:, None] / len(model.trees()),
            "node_sample_weight": tree.weighted_n_node_samples.astype(np.float64),
        }
        for tree in model.trees()
    ]
    values, base = _by_shap(trees, as_matrix(inputs).astype(np.float64))
    return stretched(values, base) if model.is_forest else values


def _of_boosted_trees(model: Any, inputs: pd.DataFrame) -> Floats:
    """Hand the trees over with every split on categories as a yes-or-no input of its own.

    `shap` knows thresholds only. The values of such an input are added to those of the input it came from.
    """
    bins = model._bin_mapper.transform(model._preprocess_X(inputs, reset=False))
    missing_bin = int(model._bin_mapper.missing_values_bin_idx_)
    columns = [np.where(bins == missing_bin, np.nan, bins.astype(np.float64))]
    source, trees = list(range(bins.shape[1])), []
    for (predictor,) in model._predictors:
        nodes = predictor.nodes
        features, thresholds = nodes["feature_idx"].astype(np.int32), nodes["bin_threshold"] + 0.5
        for node in np.flatnonzero(nodes["is_categorical"]):
            column = int(features[node])
            columns.append(_goes_right(predictor, nodes[node], bins[:, column], missing_bin)[:, None])
            features[node], thresholds[node] = len(source), 0.5
            source.append(column)
        left, right = (
            np.where(nodes["is_leaf"], -1, nodes[side].astype(np.int64)) for side in ("left", "right")
        )
        trees.append(
            {
                "children_left": left,
                "children_right": right,
                "children_default": np.where(nodes["missing_go_to_left"], left, right),
                "features": features,
                "thresholds": thresholds,
                "values": nodes["value"][:, None],
                "node_sample_weight": nodes["count"].astype(np.float64),
            }
        )
    values, _ = _by_shap(trees, np.hstack(columns))
    total = np.zeros(inputs.shape)
    np.add.at(total.T, columns_inside(model, inputs.shape[1])[source], values.T)
    return total


def _goes_right(predictor: Any, node: Any, bins: NDArray[np.uint8], missing_bin: int) -> Floats:
    bitset = predictor.binned_left_cat_bitsets[node["bitset_idx"]]
    left = (bitset[bins // 32] >> (bins % 32)) & 1
    right: Floats = 1.0 - np.where(bins == missing_bin, node["missing_go_to_left"], left)
    return right


def _by_shap(trees: list[dict[str, Any]], matrix: Floats) -> tuple[Floats, float]:
    """Return the Shapley values, shape (rows, columns), and the mean that they start from."""
    with warnings.catch_warnings():  # its plots use what matplotlib is about to give up
        warnings.simplefilter("ignore")
        # it takes seconds to import, and only this comparison needs it
        import shap  # type: ignore[import-untyped]  # noqa: PLC0415

    described = {"trees": trees, "input_dtype": np.float64, "internal_dtype": np.float64}
    explainer = shap.TreeExplainer(described, feature_perturbation="tree_path_dependent")
    values = explainer.shap_values(matrix, check_additivity=False)
    return np.asarray(values), float(np.ravel(explainer.expected_value)[0])

"""Exact contributions of each input to a logistic regression's log-odds."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def linear_contributions(pipeline: Any, frame: pd.DataFrame) -> tuple[Floats, float]:
    """Split the log-odds of a design → scale → classify pipeline into one contribution per input.

    The scaled design has mean 0 in training, so coefficient × value is the distance from the average user;
    the columns that one input became (value, missing indicator, categories) are added up.

    Returns
    -------
    contributions : array, shape (rows, inputs)
        Log-odds, in the order of the frame's columns.
    base : float
        Log-odds of the average user.
    """
    design, scale, classify = (pipeline.named_steps[name] for name in ("design", "scale", "classify"))
    weights = classify.coef_[0]
    inputs = frame.columns.get_indexer(pd.Index(_input_of_each_column(design)))
    summed = np.zeros((len(weights), frame.shape[1]))
    summed[np.arange(len(weights)), inputs] = weights
    scaled = scale.transform(design.transform(frame))
    contributions: Floats = scaled @ summed
    return contributions, float(classify.intercept_[0])


def _input_of_each_column(design: Any) -> list[str]:
    names: list[str] = []
    numeric = list(design.transformers_[0][2])
    if numeric:
        imputer = design.named_transformers_["numbers"].named_steps["impute"]
        names += [name for name, kept in zip(numeric, ~_empty(imputer), strict=True) if kept]
        names += [numeric[index] for index in imputer.indicator_.features_]
    categorical = list(design.transformers_[1][2]) if len(design.transformers_) > 1 else []
    if categorical:
        encoder = design.named_transformers_["categories"]
        for name, categories in zip(categorical, encoder.categories_, strict=True):
            names += [name] * len(categories)
    return names


def _empty(imputer: Any) -> NDArray[np.bool_]:
    # An input that is NULL in every row of a fold is dropped by the imputer.
    empty: NDArray[np.bool_] = np.isnan(imputer.statistics_.astype(np.float64))
    return empty

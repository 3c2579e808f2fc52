"""Three reasons per user, taken from the model itself.

A reason is a theme (recency, money, returns, …). Its contribution is what all inputs of the theme add to the
user's log-odds together, because inputs of one theme often pull against each other: above 0 it raises the
risk, below 0 it lowers it. Its code and value are those of the input of that theme that pulls hardest in the
theme's direction, among those that by themselves speak for that direction too (`ml.plain_effects`), where
there are any.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.features import prepare
from ml.model import BLOCK_ROWS, ChurnModel
from ml.plain_effects import speaks_for
from warehouse.errors import GateFailure

Floats = NDArray[np.float64]
REASONS = 3
CHECKED_ROWS = 500
FAITHFUL = 1e-6
WINDOW = re.compile(r"(_(last|prior|previous|trend|ratio|share|change))*_(\d+d|\d+_days?)(_.*)?$")


def theme_of(code: str, themes: Mapping[str, str]) -> str:
    """Return an input's theme: from the given map, else its name without the window.

    Examples
    --------
    >>> theme_of("paid_orders_90d", {}), theme_of("paid_orders_30d", {"paid_orders_30d": "frequency"})
    ('paid_orders', 'frequency')
    """
    return themes.get(code) or WINDOW.sub("", code)


def explain(model: ChurnModel, frame: pd.DataFrame, themes: Mapping[str, str]) -> pd.DataFrame:
    """Return the reasons of each row.

    Parameters
    ----------
    model : ChurnModel
        Whose score is explained.
    frame : pandas.DataFrame
        Rows with the model's inputs.
    themes : mapping of str to str
        Theme of each input, where known.

    Returns
    -------
    pandas.DataFrame
        reason_1_code, reason_1_value, reason_1_contribution, … reason_3_contribution, one row per row. The
        theme that moves the score furthest comes first, up or down; a theme that does not move it is no
        reason. A value is NaN for text.
    """
    groups = list(themes_of(model, themes).values())
    blocks = [
        _reasons(model, inputs, model.split(inputs, groups)[0], groups)
        for inputs in _prepared_blocks(model, frame)
    ]
    return pd.concat(blocks, ignore_index=True)


def score_and_explain(
    model: ChurnModel, frame: pd.DataFrame, themes: Mapping[str, str]
) -> tuple[Floats, pd.DataFrame]:
    """Return what `predict` and `explain` return, block by block and in one pass.

    The score is the sum of its contributions; on a sample of every block it is compared with the prediction.

    Raises
    ------
    GateFailure
        If contributions do not add up to the log-odds within 1e-6.
    """
    groups = list(themes_of(model, themes).values())
    probabilities, reasons = [], []
    for inputs in _prepared_blocks(model, frame):
        contributions, base, _ = model.split(inputs, groups)
        scores = contributions.sum(axis=1) + base
        _check_sums(model, inputs, scores)
        probabilities.append(model.probability_of(scores))
        reasons.append(_reasons(model, inputs, contributions, groups))
    return np.concatenate(probabilities), pd.concat(reasons, ignore_index=True)


def _check_sums(model: ChurnModel, inputs: pd.DataFrame, scores: Floats) -> None:
    sample = slice(None, None, max(1, len(inputs) // CHECKED_ROWS))
    off = np.abs(model.score_of(inputs.iloc[sample]) - scores[sample]).max()
    if not off <= FAITHFUL:
        raise GateFailure(
            f"The reasons of {model.candidate} do not add up to its score",
            f"off by {off:.3g} in log-odds",
            "do not use these scores: the code that splits this model's score is wrong",
        )


def _prepared_blocks(model: ChurnModel, frame: pd.DataFrame) -> Iterator[pd.DataFrame]:
    for start in range(0, len(frame), BLOCK_ROWS):
        yield prepare(frame.iloc[start : start + BLOCK_ROWS], model.contract)


def themes_of(model: ChurnModel, themes: Mapping[str, str]) -> dict[str, list[int]]:
    """Return the positions of a model's inputs by theme, in the order of the inputs."""
    known = {**model.contract.derived_themes, **themes}
    members: dict[str, list[int]] = {}
    for position, name in enumerate(model.contract.input_names):
        members.setdefault(theme_of(name, known), []).append(position)
    return members


def approximation_error(model: ChurnModel, frame: pd.DataFrame, themes: Mapping[str, str]) -> float:
    """Return how far a model's contributions were from adding up, before they were made to.

    Returns
    -------
    float
        Mean over rows of the log-odds that were missing, as a share of the mean distance of the score from
        the ordinary user's. 0 for candidates that split their own score.
    """
    groups = list(themes_of(model, themes).values())
    contributions, _, missing = model.split(prepare(frame, model.contract), groups)
    distance = np.abs(contributions.sum(axis=1)).mean()
    return float(np.abs(missing).mean() / distance) if distance > 0 else 0.0


def _reasons(
    model: ChurnModel, inputs: pd.DataFrame, contributions: Floats, groups: list[list[int]]
) -> pd.DataFrame:
    totals = np.stack([contributions[:, columns].sum(axis=1) for columns in groups])
    order = np.argsort(-np.abs(totals), axis=0, kind="stable")
    named = np.zeros(totals.shape, dtype=np.int64)
    # for one user alone they are a few of all themes
    for place in np.unique(order[:REASONS]):
        named[place] = _named(model, inputs, contributions, groups[place], totals[place])
    names = np.asarray([*model.contract.input_names, None], dtype=object)
    rows = np.arange(len(inputs))
    nothing = np.full(len(inputs), len(names) - 1)
    reasons: dict[str, object] = {}
    for place in range(REASONS):
        column, total = nothing, np.full(len(inputs), np.nan)
        if place < len(groups):
            theme = order[place]
            given = (totals[theme, rows] != 0) | (place == 0)
            column = np.where(given, named[theme, rows], nothing)
            total = np.where(given, totals[theme, rows], np.nan)
        prefix = f"reason_{place + 1}"
        reasons[f"{prefix}_code"] = names[column]
        reasons[f"{prefix}_value"] = _values_at(inputs, column)
        reasons[f"{prefix}_contribution"] = total
    return pd.DataFrame(reasons)


def _named(
    model: ChurnModel, inputs: pd.DataFrame, contributions: Floats, columns: Sequence[int], total: Floats
) -> NDArray[np.int64]:
    """Return which of a theme's inputs stands for it, shape (rows,)."""
    direction = np.where(total < 0, -1.0, 1.0)
    pull = contributions[:, columns] * direction[:, None]
    if len(columns) > 1:
        expected = speaks_for(model.effects, inputs, columns, direction) & (pull > 0)
        hardest = pull.max(axis=1, keepdims=True)
        pull = np.where(expected, pull + hardest, pull)
    named: NDArray[np.int64] = np.asarray(columns, dtype=np.int64)[pull.argmax(axis=1)]
    return named


def _values_at(inputs: pd.DataFrame, column: NDArray[np.int64]) -> Floats:
    """Return the value of one input per row; NaN for text and for no input."""
    values = np.full(len(inputs), np.nan)
    for position in np.unique(column):
        if position < inputs.shape[1] and inputs.dtypes.iloc[position] == np.float64:
            rows = np.flatnonzero(column == position)
            values[rows] = inputs.iloc[:, position].to_numpy()[rows]
    return values

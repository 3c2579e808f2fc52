"""Three reasons per user, taken from the model itself.

A reason is a theme (recency, money, returns, …). Its contribution is what all inputs of the theme add to the
user's log-odds together, because inputs of one theme often pull against each other: above 0 it raises the
risk, below 0 it lowers it. Its code and value are those of the input of that theme that pulls hardest in the
theme's direction.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.features import prepare
from ml.model import ChurnModel

Floats = NDArray[np.float64]
REASONS = 3
BLOCK_ROWS = 131_072
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
    blocks = [_explain_block(model, inputs, groups) for inputs in _prepared_blocks(model, frame)]
    return pd.concat(blocks, ignore_index=True)


def score_and_explain(
    model: ChurnModel, frame: pd.DataFrame, themes: Mapping[str, str]
) -> tuple[Floats, pd.DataFrame]:
    """Return what `predict` and `explain` return; rows are prepared once, block by block."""
    groups = list(themes_of(model, themes).values())
    probabilities, reasons = [], []
    for inputs in _prepared_blocks(model, frame):
        probabilities.append(model.calibrator.predict(model.log_odds_of(inputs)))
        reasons.append(_explain_block(model, inputs, groups))
    return np.concatenate(probabilities), pd.concat(reasons, ignore_index=True)


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


def _explain_block(model: ChurnModel, inputs: pd.DataFrame, groups: list[list[int]]) -> pd.DataFrame:
    contributions, _, _ = model.split(inputs, groups)
    totals = np.column_stack([contributions[:, columns].sum(axis=1) for columns in groups])
    names = np.asarray(model.contract.input_names, dtype=object)
    values = _values(inputs)
    rows = np.arange(len(inputs))
    order = np.argsort(-np.abs(totals), axis=1, kind="stable")
    hardest = np.column_stack(
        [_hardest(contributions, columns, totals[:, place]) for place, columns in enumerate(groups)]
    )
    reasons: dict[str, object] = {}
    for place in range(REASONS):
        if place >= len(groups):
            theme, given = np.zeros(len(inputs), dtype=np.int64), np.zeros(len(inputs), dtype=bool)
        else:
            theme = order[:, place]
            given = (totals[rows, theme] != 0) | (place == 0)
        column = hardest[rows, theme]
        prefix = f"reason_{place + 1}"
        reasons[f"{prefix}_code"] = np.where(given, names[column], None)
        reasons[f"{prefix}_value"] = np.where(given, values[rows, column], np.nan)
        reasons[f"{prefix}_contribution"] = np.where(given, totals[rows, theme], np.nan)
    return pd.DataFrame(reasons)


def _hardest(contributions: Floats, columns: Sequence[int], total: Floats) -> NDArray[np.int64]:
    """Return which of a theme's inputs pulls hardest in the theme's direction, shape (rows,)."""
    direction = np.where(total < 0, -1.0, 1.0)
    pull = contributions[:, columns] * direction[:, None]
    return np.asarray(columns, dtype=np.int64)[pull.argmax(axis=1)]


def _values(inputs: pd.DataFrame) -> Floats:
    columns = [
        np.full(len(inputs), np.nan)
        if isinstance(values.dtype, pd.CategoricalDtype)
        else values.to_numpy(dtype=np.float64)
        for _, values in inputs.items()
    ]
    return np.column_stack(columns)

"""Three reasons per user, taken from the model itself.

A reason is a theme (recency, money, returns, …). Its contribution is what all inputs of the theme add to the
user's log-odds together, because inputs of one theme often pull against each other; its code and value are
those of the input of that theme that pulls hardest in the theme's direction.
"""

import re
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.model import ChurnModel

Floats = NDArray[np.float64]
REASONS = 3
BLOCK_ROWS = 65_536
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
        strongest theme comes first. The second and third are there only if they raise the risk. A value is
        NaN for text.
    """
    blocks = [
        _explain_block(model, frame.iloc[start : start + BLOCK_ROWS], themes)
        for start in range(0, len(frame), BLOCK_ROWS)
    ]
    return pd.concat(blocks, ignore_index=True)


def _explain_block(model: ChurnModel, frame: pd.DataFrame, themes: Mapping[str, str]) -> pd.DataFrame:
    contributions, _ = model.contributions(frame)
    names = model.contract.names
    members = _members([theme_of(name, themes) for name in names])
    totals = np.column_stack([contributions[:, columns].sum(axis=1) for columns in members])
    strongest = np.column_stack(
        [np.asarray(columns)[contributions[:, columns].argmax(axis=1)] for columns in members]
    )
    values = _values(frame, model)
    rows = np.arange(len(frame))
    order = np.argsort(-totals, axis=1, kind="stable")
    reasons: dict[str, object] = {}
    for place in range(REASONS):
        if place >= len(members):
            theme, given = np.zeros(len(frame), dtype=np.int64), np.zeros(len(frame), dtype=bool)
        else:
            theme = order[:, place]
            given = (totals[rows, theme] > 0) | (place == 0)
        column = strongest[rows, theme]
        prefix = f"reason_{place + 1}"
        reasons[f"{prefix}_code"] = np.where(given, np.asarray(names, dtype=object)[column], None)
        reasons[f"{prefix}_value"] = np.where(given, values[rows, column], np.nan)
        reasons[f"{prefix}_contribution"] = np.where(given, totals[rows, theme], np.nan)
    return pd.DataFrame(reasons)


def _members(themes: Sequence[str]) -> list[list[int]]:
    members: dict[str, list[int]] = {}
    for position, theme in enumerate(themes):
        members.setdefault(theme, []).append(position)
    return list(members.values())


def _values(frame: pd.DataFrame, model: ChurnModel) -> Floats:
    columns = [
        np.full(len(frame), np.nan)
        if feature.kind == "categorical"
        else frame[feature.name].to_numpy(dtype=np.float64, na_value=np.nan)
        for feature in model.contract.features
    ]
    return np.column_stack(columns)

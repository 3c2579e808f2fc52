"""What users with such a value did, all else left aside: for what an input speaks by itself.

A model weighs inputs that tell nearly the same against each other, so that one of them may pull the score
another way than anybody would expect of it: many orders that "raise" the risk, because orders of another
window lower it more. Reasons name such an input only where no other pulls the same way (`ml.explanation`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
# Enough cells to follow a curve, few enough that each holds a tenth of the users, or one common value.
CELLS = 10
# A cell is shrunk to the mean of all users as if so many more of them had been in it.
PRIOR_ROWS = 50.0


@dataclass(frozen=True)
class PlainEffect:
    """Log-odds of churn by the value of one input, less those of all users.

    Attributes
    ----------
    cuts : tuple of float
        Values that end a cell, ascending; none for text, whose categories are the cells.
    log_odds : tuple of float
        Of each cell in order; of NULL at the end.
    """

    cuts: tuple[float, ...]
    log_odds: tuple[float, ...]

    def of(self, values: pd.Series) -> Floats:
        """Return the effect of each value, shape (rows,)."""
        effects: Floats = np.asarray(self.log_odds)[_cells(values, self.cuts)]
        return effects


def fit_plain_effects(inputs: pd.DataFrame, churned: NDArray[Any]) -> dict[str, PlainEffect]:
    """Learn the plain effect of every input from training rows.

    Parameters
    ----------
    inputs : pandas.DataFrame
        Prepared rows (`ml.features.prepare`).
    churned : array, shape (rows,)
        0 or 1. Where there is but one of them nothing can be learnt.

    Returns
    -------
    dict of str to PlainEffect
        By name of the input.
    """
    base = float(np.mean(churned)) if len(churned) else 0.0
    if not 0.0 < base < 1.0:
        return {}
    return {str(name): _fit(values, churned, base) for name, values in inputs.items()}


def speaks_for(
    effects: Mapping[str, PlainEffect], inputs: pd.DataFrame, columns: Sequence[int], direction: Floats
) -> NDArray[np.bool_]:
    """Say whether inputs by themselves speak for a direction, shape (rows, columns).

    Parameters
    ----------
    effects : mapping of str to PlainEffect
        An input without one speaks for neither.
    inputs : pandas.DataFrame
        Prepared rows.
    columns : sequence of int
        Positions of the inputs.
    direction : array, shape (rows,)
        Above 0 for churn, below 0 against it.
    """
    speaks = np.zeros((len(inputs), len(columns)), dtype=bool)
    for place, position in enumerate(columns):
        effect = effects.get(str(inputs.columns[position]))
        if effect is not None:
            speaks[:, place] = effect.of(inputs.iloc[:, position]) * direction > 0
    return speaks


def effects_to_json(effects: Mapping[str, PlainEffect]) -> dict[str, Any]:
    """Return plain effects as plain values."""
    return {name: [list(effect.cuts), list(effect.log_odds)] for name, effect in effects.items()}


def effects_from_json(value: Mapping[str, Any]) -> dict[str, PlainEffect]:
    """Read back what `effects_to_json` wrote."""
    return {name: PlainEffect(tuple(cuts), tuple(log_odds)) for name, (cuts, log_odds) in value.items()}


def _fit(values: pd.Series, churned: NDArray[Any], base: float) -> PlainEffect:
    cuts: tuple[float, ...] = ()
    if isinstance(values.dtype, pd.CategoricalDtype):
        count = len(values.cat.categories)
    else:
        known = values.to_numpy()[~np.isnan(values.to_numpy())]
        shares = np.arange(1, CELLS) / CELLS
        cuts = tuple(float(cut) for cut in np.unique(np.quantile(known, shares))) if len(known) else ()
        count = len(cuts) + 1
    cells = _cells(values, cuts)
    users = np.bincount(cells, minlength=count + 1)
    left = np.bincount(cells, weights=churned, minlength=count + 1)
    share = (left + PRIOR_ROWS * base) / (users + PRIOR_ROWS)
    log_odds = np.log(share / (1.0 - share)) - np.log(base / (1.0 - base))
    return PlainEffect(cuts, tuple(float(one) for one in log_odds))


def _cells(values: pd.Series, cuts: Sequence[float]) -> NDArray[np.int64]:
    """Return the place of each value's cell, counted from the front; NULL is the last one."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        codes = values.cat.codes.to_numpy(dtype=np.int64)
        cells: NDArray[np.int64] = np.where(codes < 0, len(values.cat.categories), codes)
        return cells
    numbers = values.to_numpy(dtype=np.float64)
    cells = np.searchsorted(cuts, numbers, side="left").astype(np.int64)
    cells[np.isnan(numbers)] = len(cuts) + 1
    return cells

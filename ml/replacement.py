"""Contributions of inputs to any model's score, by replacing them with the ordinary user's values.

For models that cannot split their own score. A group of inputs (a theme) is worth the mean of two changes in
the log-odds: what is lost when the user gets the group's values of the ordinary user, and what is gained when
the ordinary user gets the group's values of this one. If no more than two groups work together at a time,
these are the groups' Shapley values and add up exactly; else what is missing is measured, and spread over the
groups in proportion to what they do.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def reference_of(frame: pd.DataFrame) -> dict[str, Any]:
    """Return the ordinary user of a prepared frame: medians, and the most common category; None for NULL."""
    reference: dict[str, Any] = {}
    for name, values in frame.items():
        if isinstance(values.dtype, pd.CategoricalDtype):
            counts = np.bincount(values.cat.codes + 1, minlength=len(values.cat.categories) + 1)
            most = int(counts.argmax()) - 1
            reference[str(name)] = None if most < 0 else str(values.cat.categories[most])
        else:
            known = values.dropna()
            reference[str(name)] = float(known.median()) if 2 * len(known) > len(values) else None
    return reference


def replacement_contributions(
    estimator: Any, frame: pd.DataFrame, groups: Sequence[Sequence[int]] | None = None
) -> tuple[Floats, float, Floats]:
    """Split the log-odds of any estimator that knows its `reference_`.

    Parameters
    ----------
    estimator : object
        Fitted, with `decision_function` and `reference_` (see `reference_of`).
    frame : pandas.DataFrame
        Prepared rows.
    groups : sequence of sequence of int, optional
        Positions of the inputs that are replaced together; every input by itself when not given.

    Returns
    -------
    contributions : array, shape (rows, inputs)
        Log-odds. Within a group the inputs share its total, by what each does when replaced alone.
    base : float
        Log-odds of the ordinary user.
    missing : array, shape (rows,)
        What the groups lacked to add up to the score, before it was spread over them.
    """
    groups = groups or [[position] for position in range(frame.shape[1])]
    swap = _Swap(estimator, frame)
    worth = np.column_stack([swap.worth(group) for group in groups])
    missing = swap.score - swap.base - worth.sum(axis=1)
    strength = np.abs(worth)
    total = strength.sum(axis=1, keepdims=True)
    parts = np.where(total > 0, strength / np.where(total > 0, total, 1.0), 1.0 / len(groups))
    worth = worth + missing[:, None] * parts
    contributions = np.zeros(frame.shape)
    for group, of_group in zip(groups, worth.T, strict=True):
        contributions[:, group] = swap.shared(group, of_group)
    return contributions, swap.base, missing


class _Swap:
    """The rows to explain, the ordinary user, and the score of both."""

    def __init__(self, estimator: Any, frame: pd.DataFrame) -> None:
        self.log_odds = estimator.decision_function
        self.frame = frame
        self.ordinary = _ordinary(frame, estimator.reference_)
        self.score: Floats = self.log_odds(frame)
        self.base = float(self.log_odds(self.ordinary.iloc[:1])[0])

    def worth(self, group: Sequence[int]) -> Floats:
        """Return the mean of what is lost without the group and gained by it alone, shape (rows,)."""
        gained: Floats = self.log_odds(_swapped(self.ordinary, self.frame, group)) - self.base
        return (self._lost(group) + gained) / 2

    def shared(self, group: Sequence[int], total: Floats) -> Floats:
        """Return a group's total, spread over its inputs; shape (rows, inputs of the group)."""
        if len(group) == 1:
            return total[:, None]
        alone: Floats = np.column_stack([self._lost([position]) for position in group])
        shared: Floats = alone + ((total - alone.sum(axis=1)) / len(group))[:, None]
        return shared

    def _lost(self, group: Sequence[int]) -> Floats:
        lost: Floats = self.score - self.log_odds(_swapped(self.frame, self.ordinary, group))
        return lost


def _ordinary(frame: pd.DataFrame, reference: dict[str, Any]) -> pd.DataFrame:
    """Return the ordinary user as often as there are rows, with the frame's types."""
    columns = {
        name: pd.Categorical.from_codes(
            np.full(len(frame), _code(values, reference[str(name)])), dtype=values.dtype
        )
        if isinstance(values.dtype, pd.CategoricalDtype)
        else np.full(len(frame), np.nan if reference[str(name)] is None else reference[str(name)])
        for name, values in frame.items()
    }
    return pd.DataFrame(columns, index=frame.index)


def _code(values: pd.Series, category: str | None) -> int:
    return -1 if category is None else list(values.cat.categories).index(category)


def _swapped(frame: pd.DataFrame, other: pd.DataFrame, group: Sequence[int]) -> pd.DataFrame:
    """Return the frame with the group's columns taken from the other one."""
    taken = set(group)
    columns = {
        name: (other if position in taken else frame).iloc[:, position]
        for position, name in enumerate(frame.columns)
    }
    return pd.DataFrame(columns, copy=False)

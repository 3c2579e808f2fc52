"""Effects by segment: few inputs, each cut into a handful of groups, added up and shrunk.

Small experiments cannot tell apart what a hundred inputs might do. This estimator adds one input at a time:
the one whose groups differ most beyond chance (Cochran's Q, times the number of inputs looked at), until none
does. The groups' deviations are shrunk by the share of their variance that is not noise (DerSimonian & Laird,
1986), so a group of few users stays close to the average.
"""

from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import chi2

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
GROUPS = 5
INPUTS_AT_MOST = 8
# One idle input in all slips through on average: it is shrunk, and what comes of it is judged out of fold.
LARGEST_P = 1.0
FEWEST_IN_GROUP = 20


class SegmentEffects:
    """Weighted regression on groups of few inputs.

    Parameters
    ----------
    groups : int
        Numbers are cut into so many groups of equally many users; NULL is a group of its own.
    inputs_at_most : int
        Inputs that are added.
    largest_p : float
        An input is added only if so many or fewer of all inputs looked at would differ as much by chance.
    """

    def __init__(
        self, groups: int = GROUPS, inputs_at_most: int = INPUTS_AT_MOST, largest_p: float = LARGEST_P
    ) -> None:
        self.groups = groups
        self.inputs_at_most = inputs_at_most
        self.largest_p = largest_p

    def fit(self, inputs: pd.DataFrame, target: Floats, sample_weight: Floats | None = None) -> Self:
        """Learn the average and the deviations of groups.

        Parameters
        ----------
        inputs : pandas.DataFrame
            Prepared rows: numbers with NaN for NULL, and categories.
        target : array, shape (rows,)
            What is averaged.
        sample_weight : array, shape (rows,), optional
            Of each row.
        """
        weight = np.ones(len(target)) if sample_weight is None else np.asarray(sample_weight)
        self.average_ = float(np.average(target, weights=weight))
        self.cuts_ = {str(name): self._cuts(inputs[name]) for name in inputs.columns}
        groups = {name: group_of(inputs[name], cuts) for name, cuts in self.cuts_.items()}
        self.deviations_: dict[str, Floats] = {}
        left = target - self.average_
        for _ in range(self.inputs_at_most):
            found = {
                name: _differences(group, left, weight)
                for name, group in groups.items()
                if name not in self.deviations_
            }
            if not found:
                break
            best = min(found, key=lambda name: found[name][0])
            p_value, deviations = found[best]
            if p_value * len(groups) > self.largest_p:
                break
            self.deviations_[best] = deviations
            left = left - _looked_up(deviations, groups[best])
        return self

    def predict(self, inputs: pd.DataFrame) -> Floats:
        """Return the average plus the deviations of each row's groups, shape (rows,)."""
        total = np.full(len(inputs), self.average_)
        for name, deviations in self.deviations_.items():
            total += _looked_up(deviations, group_of(inputs[name], self.cuts_[name]))
        return total

    def _cuts(self, values: pd.Series) -> Floats:
        """Return where an input is cut; nothing for categories, whose codes are groups already."""
        if isinstance(values.dtype, pd.CategoricalDtype):
            return np.zeros(0)
        known = values.to_numpy(dtype=np.float64)
        known = known[~np.isnan(known)]
        if not len(known):
            return np.zeros(0)
        shares = np.arange(1, self.groups) / self.groups
        cuts: Floats = np.unique(np.quantile(known, shares, method="lower"))
        # nothing lies above the largest value: the group there would be nobody's
        inner: Floats = cuts[cuts < known.max()]
        return inner


def group_of(values: pd.Series, cuts: Floats) -> Whole:
    """Return the group of each value: 0 for NULL, then from small to large, or by category."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        return np.asarray(values.cat.codes, dtype=np.int64) + 1
    numbers = values.to_numpy(dtype=np.float64)
    # a value that many share is a group, not a border: whoever is at a cut is below it
    above = np.searchsorted(cuts, numbers, side="left") + 1
    return np.asarray(np.where(np.isnan(numbers), 0, above), dtype=np.int64)


def _differences(group: Whole, left: Floats, weight: Floats) -> tuple[float, Floats]:
    """Return how probable the differences of groups are by chance, and the shrunk deviation of each group."""
    size = int(group.max()) + 1
    users = np.bincount(group, minlength=size)
    total = np.bincount(group, weight, size)
    is_large = users >= FEWEST_IN_GROUP
    means = np.divide(np.bincount(group, weight * left, size), total, out=np.zeros(size), where=is_large)
    squares = np.bincount(group, weight**2 * (left - means[group]) ** 2, size)
    noise = np.divide(squares, total**2, out=np.ones(size), where=is_large)
    kept = is_large & (noise > 0)
    freedom = int(kept.sum()) - 1
    if freedom < 1:
        return 1.0, np.zeros(size)
    precision = 1 / noise[kept]
    centre = float(precision @ means[kept] / precision.sum())
    spread = float(precision @ (means[kept] - centre) ** 2)
    scale = precision.sum() - (precision**2).sum() / precision.sum()
    between = max(0.0, (spread - freedom) / scale)
    deviations = np.zeros(size)
    deviations[kept] = between / (between + noise[kept]) * (means[kept] - centre)
    return float(chi2.sf(spread, freedom)), deviations


def _looked_up(deviations: Floats, group: Whole) -> Floats:
    """Return the deviation of each group; 0 for groups that were not seen."""
    padded = np.append(deviations, 0.0)
    looked_up: Floats = padded[np.minimum(group, len(deviations))]
    return looked_up

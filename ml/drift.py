"""Has an input, or the score, moved since the model learnt? Pure: two samples in, a verdict out.

Two questions, both of which must be answered with yes. *Is it more than chance?* One test for every kind of
column: a column is turned into a few scores per row, and the two samples' mean scores are compared by the
quadratic form of their permutation covariance, which is chi-square with as many degrees of freedom as there
are independent scores (Hájek & Šidák, "Theory of Rank Tests", 1967). Text scores an indicator per value,
which is Pearson's chi-square. A number scores in two parts: whether it is NULL and whether it is 0; and the
first three Legendre polynomials of its midrank among the rest (place, spread and skew: Neyman's smooth test
on ranks). Ties and zeros need no correction, since the covariance is that of the very values found.

*Is it enough to matter?* The population stability index over cells that never split a tie, less what it shows
where nothing has moved. A million users make every trifle significant; this does not grow with users.

Both samples of the test are cut to the size of the smaller: then the permutation distribution is symmetric,
and its far tails, which a day's many inputs need, are right with a hundred users too. Users who are in both
samples make the difference smaller than chance would, and the test conservative.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import chdtrc
from scipy.stats import rankdata

Floats = NDArray[np.float64]

# At most one quiet day in a hundred raises an alarm, over all of its inputs together.
ALPHA = 0.01
# The usual reading of the index: below .1 nothing, from .2 on a shift that a model feels (Siddiqi, "Credit
# Risk Scorecards", 2006, draws the last line at .25). A mean that moves by .45 standard deviations makes .2.
LEAST_EFFECT = 0.2
# A value that the reference never had matters from this share of users on, whatever the index says.
LEAST_NEW_SHARE = 0.02
# Fewer rows than this on either side are not judged.
FEWEST_ROWS = 30
# The rule of five for chi-square: expected rows of a cell in the smaller sample.
FEWEST_PER_CELL = 5
CELLS = 10
NOTHING = "(null)"


@dataclass(frozen=True)
class DriftResult:
    """What the comparison of two samples of one column found.

    Attributes
    ----------
    statistic : float
        Chi-square of the test; NaN where there are too few rows.
    p_value : float
        Probability of such a statistic where nothing has moved; over a day, adjusted for all its columns.
    effect : float
        Population stability index, corrected for chance; 0 where nothing has moved.
    is_drift : bool
        More than chance, and enough to matter.
    n : int
        Rows of the current sample.
    threshold : float
        What `effect` was held to.
    new_values : tuple of str
        Values of text that matter and that the reference never had.
    """

    statistic: float
    p_value: float
    effect: float
    is_drift: bool
    n: int
    threshold: float = LEAST_EFFECT
    new_values: tuple[str, ...] = ()


def compare(
    reference: Any,
    current: Any,
    kind: str,
    *,
    alpha: float = ALPHA,
    least_effect: float = LEAST_EFFECT,
    seed: int = 0,
) -> DriftResult:
    """Compare two samples of one column.

    Parameters
    ----------
    reference, current : array-like, shapes (rows,) and (other rows,)
        Numbers (NaN is NULL), or text (None is NULL).
    kind : str
        numeric, boolean or categorical.
    alpha : float
        Largest p-value of a drift.
    least_effect : float
        Smallest index of a drift.
    seed : int
        Of the sample that the larger side is cut to for the test.

    Returns
    -------
    DriftResult

    Examples
    --------
    >>> before, after = np.repeat([0.0, 1.0], [80, 120]), np.repeat([0.0, 1.0], [160, 40])
    >>> found = compare(before, after, "boolean")
    >>> found.is_drift, round(found.effect, 2)
    (True, 0.7)
    >>> compare(before, before, "boolean").is_drift
    False
    """
    if min(len(reference), len(current)) < FEWEST_ROWS:
        return DriftResult(float("nan"), float("nan"), float("nan"), False, len(current), least_effect)
    first, second = _values(reference, kind), _values(current, kind)
    random = np.random.default_rng(seed)
    size = min(len(first), len(second))
    both = np.concatenate([_cut(first, size, random), _cut(second, size, random)])
    scores = _category_scores(both) if kind == "categorical" else _number_scores(both)
    statistic, p_value = _permutation_chi_square(scores)
    effect = effect_size(first, second, kind)
    new = _new_values(first, second) if kind == "categorical" else ()
    return judged(DriftResult(statistic, p_value, effect, False, len(second), least_effect, new), alpha)


def compare_columns(
    reference: Mapping[str, Any] | pd.DataFrame,
    current: Mapping[str, Any] | pd.DataFrame,
    kinds: Mapping[str, str],
    *,
    alpha: float = ALPHA,
    seed: int = 0,
) -> dict[str, DriftResult]:
    """Compare many columns; all of them together falsely alarm with probability `alpha` at most.

    Parameters
    ----------
    reference, current : mapping of str to array-like, or pandas.DataFrame
        One column per name in `kinds`.
    kinds : mapping of str to str
        numeric, boolean or categorical, by column.
    alpha : float
        Of the day.
    seed : int
        See `compare`.

    Returns
    -------
    dict of str to DriftResult
        In the order of `kinds`, with p-values adjusted by Holm's method.
    """
    alone = {name: compare(reference[name], current[name], kind, seed=seed) for name, kind in kinds.items()}
    adjusted = holm(np.array([result.p_value for result in alone.values()], dtype=np.float64))
    return {
        name: judged(replace(result, p_value=float(p_value)), alpha)
        for (name, result), p_value in zip(alone.items(), adjusted, strict=True)
    }


def holm(p_values: Floats) -> Floats:
    """Adjust p-values for their number, however they depend on one another (Holm 1979); NaN stays NaN.

    Examples
    --------
    >>> holm(np.array([0.01, 0.04, 0.02])).tolist()
    [0.03, 0.04, 0.04]
    """
    tested = np.flatnonzero(~np.isnan(p_values))
    order = tested[np.argsort(p_values[tested], kind="stable")]
    adjusted = np.full(len(p_values), np.nan)
    steps = p_values[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(steps))
    return adjusted


def effect_size(reference: Any, current: Any, kind: str) -> float:
    """Return the population stability index of two samples, less its mean where nothing has moved.

    Cells of a number: NULL, 0, and tenths of the reference's other values, cut between values and never
    through one. Cells of text: the values that are not rare. Half a row is added to each cell, so that an
    empty one has a logarithm. The mean under no change is (cells - 1) (1 / n + 1 / m): Yurdakul, "Statistical
    Properties of Population Stability Index", 2018.
    """
    first, second = _values(reference, kind), _values(current, kind)
    if kind == "categorical":
        cells, _ = _cells_of_text(np.concatenate([first, second]), len(first), len(second))
        before, after = cells[: len(first)], cells[len(first) :]
    else:
        rest = first[~np.isnan(first) & (first != 0)]
        shares = np.arange(1, CELLS) / CELLS
        cuts = np.unique(np.quantile(rest, shares, method="inverted_cdf")) if len(rest) else rest
        before, after = _cells_of_numbers(first, cuts), _cells_of_numbers(second, cuts)
    number = int(max(before.max(initial=0), after.max(initial=0))) + 1
    counts = np.stack([np.bincount(side, minlength=number) for side in (before, after)]).astype(np.float64)
    counts = counts[:, counts.sum(axis=0) > 0]
    shares = (counts + 0.5) / (counts + 0.5).sum(axis=1, keepdims=True)
    index = float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())
    by_chance = (counts.shape[1] - 1) * (1 / len(first) + 1 / len(second))
    return float(max(0.0, index - by_chance))


def judged(result: DriftResult, alpha: float = ALPHA) -> DriftResult:
    """Return the result with its verdict: more than chance, and enough to matter."""
    matters = result.effect >= result.threshold or bool(result.new_values)
    return replace(result, is_drift=bool(result.p_value < alpha and matters))


def _values(column: Any, kind: str) -> NDArray[Any]:
    if kind != "categorical":
        is_plain = isinstance(column, np.ndarray) and column.dtype == np.float64
        return column if is_plain else pd.Series(column).to_numpy(dtype=np.float64, na_value=np.nan)
    text = pd.Series(column, dtype=object)
    return text.where(text.notna(), NOTHING).astype(str).to_numpy(dtype=object)


def _cut(values: NDArray[Any], size: int, random: np.random.Generator) -> NDArray[Any]:
    if len(values) == size:
        return values
    chosen: NDArray[Any] = values[np.sort(random.choice(len(values), size, replace=False))]
    return chosen


def _number_scores(values: Floats) -> Floats:
    """Return NULL or not, 0 or not, and three polynomials of the midrank among the rest; (rows × scores)."""
    missing, zero = np.isnan(values), values == 0
    rest = ~(missing | zero)
    scores = [part.astype(np.float64) for part in (missing, zero) if _is_common(part)]
    if rest.sum() >= 4 * FEWEST_PER_CELL:
        place = 2 * (rankdata(values[rest]) - 0.5) / rest.sum() - 1
        for polynomial in (place, 1.5 * place**2 - 0.5, 2.5 * place**3 - 1.5 * place):
            score = np.zeros(len(values))
            score[rest] = polynomial - polynomial.mean()
            scores.append(score)
    return np.array(scores).reshape(len(scores), len(values)).T


def _is_common(part: NDArray[np.bool_]) -> bool:
    """Whether both sides of a split have enough rows, half of them expected in either sample."""
    return bool(min(part.sum(), (~part).sum()) >= 2 * FEWEST_PER_CELL)


def _category_scores(values: NDArray[Any]) -> Floats:
    cells, number = _cells_of_text(values, len(values) // 2, len(values) // 2)
    scores: Floats = np.eye(number)[cells]
    return scores


def _cells_of_text(values: NDArray[Any], before: int, after: int) -> tuple[NDArray[np.int64], int]:
    """Return the cell of each row and the number of cells; rare values share one, chosen by both samples."""
    codes, _ = pd.factorize(values, sort=True)
    counts = np.bincount(codes)
    common = counts * min(before, after) / (before + after) >= FEWEST_PER_CELL
    cell_of_code = np.where(common, np.cumsum(common) - 1, common.sum())
    return cell_of_code[codes].astype(np.int64), int(common.sum()) + int(not common.all())


def _cells_of_numbers(values: Floats, cuts: Floats) -> NDArray[np.int64]:
    cells = np.searchsorted(cuts, values, side="left") + 2
    cells[values == 0] = 1
    cells[np.isnan(values)] = 0
    return cells.astype(np.int64)


def _permutation_chi_square(scores: Floats) -> tuple[float, float]:
    """Compare the mean scores of the two halves of the rows; returns chi-square and p-value."""
    rows = len(scores)
    half = rows // 2
    centred = scores - scores.mean(axis=0)
    difference = centred[half:].mean(axis=0)
    covariance = centred.T @ centred / (rows - 1) * (1 / half - 1 / rows)
    spread, axes = np.linalg.eigh(covariance) if scores.shape[1] else (np.zeros(0), np.zeros((0, 0)))
    usable = spread > 1e-9 * spread.max(initial=0.0)
    if not usable.any():
        return 0.0, 1.0
    statistic = float((((axes[:, usable].T @ difference) ** 2) / spread[usable]).sum())
    return statistic, float(chdtrc(int(usable.sum()), statistic))


def _new_values(reference: NDArray[Any], current: NDArray[Any]) -> tuple[str, ...]:
    counts = pd.Series(current).value_counts()
    often = counts[counts >= max(FEWEST_PER_CELL, LEAST_NEW_SHARE * len(current))].index
    return tuple(sorted(set(often) - set(reference)))

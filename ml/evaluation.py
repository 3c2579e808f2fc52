"""How good scores are, out of time, with bootstrap intervals.

All resamples of users are drawn at once as a matrix of weights (how often each user is drawn), so that every
metric is a few matrix operations. Two scores are compared on the same resamples: the interval of their
difference is paired.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
SHARES = (5, 10, 20)
CALIBRATION_BINS = 10
RESAMPLES = 300
CELLS_PER_BLOCK = 2_000_000
LARGE_TEST = 6_000_000
FEWEST_RESAMPLES = 60
TINY = 1e-12


@dataclass(frozen=True)
class Metric:
    """One figure of one candidate, with its 95 % interval.

    Attributes
    ----------
    candidate : str
        Whose score.
    metric : str
        roc_auc, pr_auc, brier, brier_skill, log_loss, ece, lift_at_5 …, recall_at_5 …; a name ending in
        `_over_recency` is the paired difference to the recency rule.
    value, lower, upper : float
        Figure on the whole test, and the 2.5 % and 97.5 % points over resamples of users.
    """

    candidate: str
    metric: str
    value: float
    lower: float
    upper: float


def evaluate(
    churned: NDArray[np.int64],
    scores: Mapping[str, Floats],
    *,
    baseline: str,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> list[Metric]:
    """Judge several scores of the same users.

    Parameters
    ----------
    churned : array, shape (users,)
        Labels, 0 or 1, both present.
    scores : mapping of str to array, shape (users,)
        Churn probability per candidate.
    baseline : str
        The candidate that the others are compared with.
    resamples : int
        Bootstrap resamples of users; fewer are drawn when there are very many users.
    seed : int
        Of the resamples.

    Returns
    -------
    list of Metric
        Per candidate every metric, then its paired differences to the baseline.
    """
    drawn = int(np.clip(LARGE_TEST // len(churned), FEWEST_RESAMPLES, resamples))
    prepared = {name: _prepare(churned.astype(np.float64), score) for name, score in scores.items()}
    points = {name: measure(np.ones((1, len(churned)))) for name, measure in prepared.items()}
    spread: dict[str, list[dict[str, Floats]]] = {name: [] for name in scores}
    for weights in _resamples(len(churned), drawn, seed):
        for name, measure in prepared.items():
            spread[name].append(measure(weights))
    rows = []
    for name in scores:
        for metric in points[name]:
            own = np.concatenate([block[metric] for block in spread[name]])
            rows.append(_metric(name, metric, points[name][metric][0], own))
    for name in scores:
        for metric in points[name]:
            if name != baseline:
                own = np.concatenate([block[metric] for block in spread[name]])
                other = np.concatenate([block[metric] for block in spread[baseline]])
                value = points[name][metric][0] - points[baseline][metric][0]
                rows.append(_metric(name, f"{metric}_over_recency", value, own - other))
    return rows


def _metric(candidate: str, name: str, value: float, values: Floats) -> Metric:
    lower, upper = np.nanpercentile(values, [2.5, 97.5])
    return Metric(candidate, name, float(value), float(lower), float(upper))


def _resamples(users: int, resamples: int, seed: int) -> Iterator[Floats]:
    """Yield how often each user is drawn, (resamples × users), in blocks that fit in memory."""
    random = np.random.default_rng(seed)
    at_once = max(1, CELLS_PER_BLOCK // users)
    for start in range(0, resamples, at_once):
        count = min(at_once, resamples - start)
        cells = random.integers(0, users, size=(count, users)) + np.arange(count)[:, None] * users
        yield np.bincount(cells.ravel(), minlength=count * users).reshape(count, users).astype(np.float64)


Measure = Callable[[Floats], dict[str, Floats]]


def _prepare(churned: Floats, score: Floats) -> Measure:
    """Sort once by score; return what measures every metric for a matrix of weights."""
    falling = np.argsort(-score, kind="stable")
    ranked, truth = score[falling], churned[falling]
    ends = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
    clipped = np.clip(ranked, TINY, 1 - TINY)
    log_loss = -(truth * np.log(clipped) + (1 - truth) * np.log1p(-clipped))
    brier = (ranked - truth) ** 2
    bins = (np.arange(len(ranked)) * CALIBRATION_BINS) // len(ranked)
    starts = np.flatnonzero(np.diff(bins, prepend=-1))

    def measure(weights: Floats) -> dict[str, Floats]:
        sorted_weights = weights[:, falling]
        churners = np.cumsum(sorted_weights * truth, axis=1)
        everyone = np.cumsum(sorted_weights, axis=1)
        total, total_churners = everyone[:, -1], churners[:, -1]
        base = total_churners / total
        values = {
            "roc_auc": _roc_auc(churners[:, ends], everyone[:, ends]),
            "pr_auc": _average_precision(churners[:, ends], everyone[:, ends]),
            "brier": sorted_weights @ brier / total,
            "log_loss": sorted_weights @ log_loss / total,
        }
        with np.errstate(divide="ignore", invalid="ignore"):
            values["brier_skill"] = 1 - values["brier"] / (base * (1 - base))
        gap = np.add.reduceat(sorted_weights * (ranked - truth), starts, axis=1)
        values["ece"] = np.abs(gap).sum(axis=1) / total
        for share in SHARES:
            caught = _caught(churners, everyone, share / 100)
            with np.errstate(divide="ignore", invalid="ignore"):
                values[f"recall_at_{share}"] = caught / total_churners
                values[f"lift_at_{share}"] = caught / (total * share / 100) / base
        return values

    return measure


def _roc_auc(churners: Floats, everyone: Floats) -> Floats:
    """Area by trapezoids over groups of equal score; NaN if a class is absent."""
    stayers = everyone - churners
    steps = np.diff(stayers, axis=1, prepend=0.0)
    heights = churners - np.diff(churners, axis=1, prepend=0.0) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        area: Floats = (steps * heights).sum(axis=1) / (churners[:, -1] * stayers[:, -1])
    return area


def _average_precision(churners: Floats, everyone: Floats) -> Floats:
    """Precision averaged over the recall gained at each group of equal score."""
    gained = np.diff(churners, axis=1, prepend=0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        precision = np.where(everyone > 0, churners / everyone, 0.0)
        average: Floats = (gained * precision).sum(axis=1) / churners[:, -1]
    return average


def _caught(churners: Floats, everyone: Floats, share: float) -> Floats:
    """Churners among the riskiest share; the user on the border counts in part."""
    wanted = everyone[:, -1] * share
    return np.array(
        [
            np.interp(limit, np.append(0.0, seen), np.append(0.0, caught))
            for limit, seen, caught in zip(wanted, everyone, churners, strict=True)
        ]
    )

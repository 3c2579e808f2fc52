"""How good scores are, out of time, with bootstrap intervals.

All resamples of users are drawn at once as a matrix of weights (how often each user is drawn), so that every
metric is a few matrix operations. Two scores are compared on the same resamples: the interval of their
difference is paired.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.candidates import RECENCY_RULE
from ml.metrics import Judge, group_ends
from warehouse.errors import ContractBreach

Floats = NDArray[np.float64]
RESAMPLES = 300
CELLS_PER_BLOCK = 2_000_000
LARGE_TEST = 6_000_000
FEWEST_RESAMPLES = 60
# Suffix of a paired difference to a rule that costs (nearly) nothing.
DIFFERENCES = {RECENCY_RULE: "over_recency", "rfm_logistic": "over_rfm"}
# A threshold is set, not measured; before calibration there is nothing to compare with.
NOT_COMPARED = frozenset({"threshold", "ece_before"})


@dataclass(frozen=True)
class Metric:
    """One figure of one candidate, with its 95 % interval.

    Attributes
    ----------
    candidate : str
        Whose score.
    metric : str
        roc_auc, pr_auc, brier, brier_skill, log_loss, ece, ece_before, lift_at_5 …, recall_at_5 …,
        lift_at_capacity, recall_at_capacity, threshold, accuracy, precision, recall, f1; a name ending in
        `_over_recency` or `_over_rfm` is the paired difference to that rule.
    value, lower, upper : float
        Figure on the whole test, and the 2.5 % and 97.5 % points over resamples of users; NaN when it
        cannot be computed.
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
    before: Mapping[str, Floats] | None = None,
    thresholds: Mapping[str, float] | None = None,
    capacity: int | None = None,
    only: Collection[str] = (),
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> list[Metric]:
    """Judge several scores of the same users.

    The expected calibration error is the mean distance of score and churn rate over ten groups of equally
    many users. Resampling adds noise to each group, which a mean of distances cannot cancel, so its
    resamples lie too high: their interval is moved down until it is centred on the figure.

    Parameters
    ----------
    churned : array, shape (users,)
        Labels, 0 or 1, both present.
    scores : mapping of str to array, shape (users,)
        Churn probability per candidate. A candidate with a score that is not a number gets NaN everywhere.
    baseline : str
        The candidate that the others are compared with; with `rfm_logistic` too, where it is among them.
    before : mapping of str to array, optional
        Probability before calibration, for `ece_before`.
    thresholds : mapping of str to float, optional
        Probability from which on a user is called a churner, chosen in training (`choose_threshold`): for
        accuracy, precision, recall and F1.
    capacity : int, optional
        Users who can be contacted: for lift and recall among so many of the riskiest.
    only : collection of str
        Metrics wanted, without their differences; empty for all.
    resamples : int
        Bootstrap resamples of users; fewer are drawn when there are very many users.
    seed : int
        Of the resamples.

    Returns
    -------
    list of Metric
        Per candidate every metric, then its paired differences to the rules that cost nothing.

    Raises
    ------
    ContractBreach
        If a candidate has not one score per user.
    """
    judges = {
        name: _judge(name, churned, score, before=before, thresholds=thresholds, capacity=capacity)
        for name, score in scores.items()
    }
    points = {name: judge.measure(np.ones((1, len(churned)))) for name, judge in judges.items()}
    drawn = int(np.clip(LARGE_TEST // len(churned), FEWEST_RESAMPLES, resamples))
    blocks: dict[str, list[dict[str, Floats]]] = {name: [] for name in judges}
    for weights in _resamples(len(churned), drawn, seed):
        for name, judge in judges.items():
            blocks[name].append(judge.measure(weights))
    spread = {
        name: {metric: np.concatenate([block[metric] for block in found]) for metric in points[name]}
        for name, found in blocks.items()
    }
    wanted = {name: [metric for metric in points[name] if not only or metric in only] for name in scores}
    rows = [
        _metric(name, metric, points[name][metric][0], spread[name][metric])
        for name in scores
        for metric in wanted[name]
    ]
    for rule in [baseline, *(rule for rule in DIFFERENCES if rule in scores and rule != baseline)]:
        suffix = DIFFERENCES.get(rule, f"over_{rule}")
        rows += [
            _metric(
                name,
                f"{metric}_{suffix}",
                points[name][metric][0] - points[rule][metric][0],
                spread[name][metric] - spread[rule][metric],
            )
            for name in scores
            for metric in wanted[name]
            if name not in (rule, baseline) and metric in wanted[rule] and metric not in NOT_COMPARED
        ]
    return rows


def as_frame(metrics: Sequence[Metric]) -> pd.DataFrame:
    """Return metrics as rows: candidate, metric, value, lower, upper."""
    rows = [(row.candidate, row.metric, row.value, row.lower, row.upper) for row in metrics]
    return pd.DataFrame(rows, columns=["candidate", "metric", "value", "lower", "upper"])


def choose_threshold(churned: NDArray[np.int64], probability: Floats, rule: str = "base_rate") -> float:
    """Return the probability from which on a user is called a churner.

    Parameters
    ----------
    churned : array, shape (rows,)
        Labels of the training rows, never of the test.
    probability : array, shape (rows,)
        Their calibrated out-of-fold probabilities; NaN is skipped.
    rule : str
        base_rate (as many rows at or above it as churned) or best_f1 (largest harmonic mean of precision
        and recall). Where most users churn, best_f1 calls nearly everybody a churner.

    Raises
    ------
    ContractBreach
        If there is no such rule.

    Examples
    --------
    >>> choose_threshold(np.array([1, 0, 1, 0]), np.array([0.9, 0.2, 0.6, 0.4]))
    0.6
    """
    known = ~np.isnan(probability)
    churners = int(churned[known].sum())
    if not churners:
        return 0.5
    falling = np.argsort(-probability[known], kind="stable")
    ranked = probability[known][falling]
    if rule == "base_rate":
        return float(ranked[churners - 1])
    if rule != "best_f1":
        raise ContractBreach("There is no such rule for a threshold", rule, "use base_rate or best_f1")
    ends = group_ends(ranked)
    caught = np.cumsum(churned[known][falling])[ends]
    return float(ranked[ends[np.argmax(2 * caught / (ends + 1 + churners))]])


def _judge(
    name: str,
    churned: NDArray[np.int64],
    score: Floats,
    *,
    before: Mapping[str, Floats] | None,
    thresholds: Mapping[str, float] | None,
    capacity: int | None,
) -> Judge:
    if len(score) != len(churned):
        raise ContractBreach(
            f"Candidate {name} has not one score per user",
            f"{len(score)} scores of {len(churned)} users",
            "score the rows that are judged, in their order",
        )
    earlier = before.get(name) if before else None
    threshold = thresholds.get(name) if thresholds else None
    return Judge(churned.astype(np.float64), score, earlier, threshold, capacity)


def _metric(candidate: str, name: str, value: float, values: Floats) -> Metric:
    if np.isnan(values).all():
        return Metric(candidate, name, float(value), float("nan"), float("nan"))
    lower, middle, upper = np.nanpercentile(values, [2.5, 50.0, 97.5])
    if name in ("ece", "ece_before"):
        lower, upper = max(0.0, lower - middle + value), upper - middle + value
    return Metric(candidate, name, float(value), float(lower), float(upper))


def _resamples(users: int, resamples: int, seed: int) -> Iterator[Floats]:
    """Yield how often each user is drawn, (resamples × users), in blocks that fit in memory."""
    random = np.random.default_rng(seed)
    at_once = max(1, CELLS_PER_BLOCK // users)
    for start in range(0, resamples, at_once):
        count = min(at_once, resamples - start)
        cells = random.integers(0, users, size=(count, users)) + np.arange(count)[:, None] * users
        yield np.bincount(cells.ravel(), minlength=count * users).reshape(count, users).astype(np.float64)

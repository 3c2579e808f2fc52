"""The Qini curve, and the area between it and the line of a random order.

Users are ranked by predicted uplift, the largest first. With Y_t and Y_c the outcomes and N_t and N_c the
users of both arms among the first k,

    Q(k) = Y_t(k) − Y_c(k) · N_t(k) / N_c(k)

is what the campaign added among them (Radcliffe, "Using control groups to target on predicted lift", 2007).
The curve is drawn over the share of users, its height divided by N: outcome per user. AUUC is the area under
it; the Qini coefficient is the area between it and the straight line to Q(N), which is what a random order
adds. Users of one score share a place: the curve goes straight through them. Where the chance of an arm
differs between users, each weighs the arm's overall chance / their own chance, so that the part treated
more often does not look like uplift; with one chance for everybody this is the formula above.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.metrics import group_ends

Floats = NDArray[np.float64]
CELLS_PER_BLOCK = 2_000_000


@dataclass(frozen=True)
class QiniCurve:
    """Points of one curve, from (0, 0) to (1, Q(N) / N).

    Attributes
    ----------
    share : array, shape (points,)
        Share of users who are treated first.
    gain : array, shape (points,)
        What that adds, in outcome per user of the whole experiment.
    """

    share: Floats
    gain: Floats

    @property
    def auuc(self) -> float:
        """Area under the curve."""
        return float(_area(self.share[None, :], self.gain[None, :])[0])

    @property
    def qini(self) -> float:
        """Area between the curve and the straight line of a random order."""
        return self.auuc - float(self.gain[-1]) / 2


def qini_curve(
    outcome: Floats, treated: NDArray[Any], uplift: Floats, propensity: Floats | None = None
) -> QiniCurve:
    """Return the Qini curve of one ranking.

    Parameters
    ----------
    outcome : array, shape (users,)
        More is better.
    treated : array, shape (users,)
        1 or True for the treated.
    uplift : array, shape (users,)
        What users are ranked by.
    propensity : array, shape (users,), optional
        Chance of each user to be treated, where it was not the same for everybody.

    Examples
    --------
    >>> curve = qini_curve(np.array([1.0, 0.0, 0.0, 0.0]), np.array([1, 0, 1, 0]), np.array([2.0, 2, 1, 1]))
    >>> curve.share.tolist(), curve.gain.tolist(), curve.qini
    ([0.0, 0.5, 1.0], [0.0, 0.25, 0.25], 0.0625)
    """
    share, gain = _Ranking(outcome, treated, uplift, propensity).curves(np.ones((1, len(outcome))))
    return QiniCurve(share[0], gain[0])


def resampled_areas(
    outcome: Floats,
    treated: NDArray[Any],
    rankings: dict[str, Floats],
    propensity: Floats | None = None,
    *,
    resamples: int,
    seed: int,
) -> dict[str, tuple[Floats, Floats]]:
    """Return AUUC and Qini coefficient of each ranking over resamples of users, the same for all.

    Returns
    -------
    dict
        By ranking (AUUC, Qini), each of shape (resamples,).
    """
    prepared = {name: _Ranking(outcome, treated, uplift, propensity) for name, uplift in rankings.items()}
    found: dict[str, list[tuple[Floats, Floats]]] = {name: [] for name in rankings}
    for weights in _resamples(len(outcome), resamples, seed):
        for name, ranking in prepared.items():
            found[name].append(ranking.areas(weights))
    return {
        name: (np.concatenate([one for one, _ in blocks]), np.concatenate([two for _, two in blocks]))
        for name, blocks in found.items()
    }


class _Ranking:
    """One ranking, sorted once, for many weightings of the users."""

    def __init__(
        self, outcome: Floats, treated: NDArray[Any], uplift: Floats, propensity: Floats | None
    ) -> None:
        self.falling = np.argsort(-uplift, kind="stable")
        self.ends = group_ends(uplift[self.falling])
        arm = np.asarray(treated, dtype=np.float64)[self.falling]
        chance = np.full(len(arm), arm.mean()) if propensity is None else propensity[self.falling]
        self.as_treated = arm * np.mean(chance) / chance
        self.as_control = (1 - arm) * np.mean(1 - chance) / (1 - chance)
        self.outcome = np.asarray(outcome, dtype=np.float64)[self.falling]

    def curves(self, weights: Floats) -> tuple[Floats, Floats]:
        """Return shares and gains, shape (resamples, points), for weights of shape (resamples, users)."""
        ranked = weights[:, self.falling]
        total = ranked.sum(axis=1, keepdims=True)
        users = self._summed(ranked)
        treated, control = ranked * self.as_treated, ranked * self.as_control
        treated_users, control_users = self._summed(treated), self._summed(control)
        good_treated, good_control = (
            self._summed(treated * self.outcome),
            self._summed(control * self.outcome),
        )
        ratio = np.divide(
            treated_users, control_users, out=np.zeros_like(treated_users), where=control_users > 0
        )
        # without anybody to compare with nothing is known to be added
        gain = np.where(control_users > 0, good_treated - good_control * ratio, 0.0)
        start = np.zeros((len(weights), 1))
        return np.hstack([start, users / total]), np.hstack([start, gain / total])

    def areas(self, weights: Floats) -> tuple[Floats, Floats]:
        """Return AUUC and Qini coefficient per resample."""
        share, gain = self.curves(weights)
        auuc = _area(share, gain)
        return auuc, auuc - gain[:, -1] / 2

    def _summed(self, values: Floats) -> Floats:
        running: Floats = np.cumsum(values, axis=1)[:, self.ends]
        return running


def _area(share: Floats, gain: Floats) -> Floats:
    area: Floats = (np.diff(share, axis=1) * (gain[:, 1:] + gain[:, :-1]) / 2).sum(axis=1)
    return area


def _resamples(users: int, resamples: int, seed: int) -> Iterator[Floats]:
    """Yield how often each user is drawn, (resamples × users), in blocks that fit in memory."""
    random = np.random.default_rng(seed)
    at_once = max(1, CELLS_PER_BLOCK // users)
    for start in range(0, resamples, at_once):
        count = min(at_once, resamples - start)
        cells = random.integers(0, users, size=(count, users)) + np.arange(count)[:, None] * users
        yield np.bincount(cells.ravel(), minlength=count * users).reshape(count, users).astype(np.float64)

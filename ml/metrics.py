"""Every metric of one score, for many weightings of the users at once."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
SHARES = (5, 10, 20)
CALIBRATION_BINS = 10
TINY = 1e-12


class Judge:
    """One score, sorted once.

    Parameters
    ----------
    churned : array, shape (users,)
        Labels, 0.0 or 1.0.
    score : array, shape (users,)
        Churn probability.
    before : array, shape (users,), optional
        Probability before calibration.
    threshold : float, optional
        Probability from which on a user is called a churner.
    capacity : int, optional
        Users who can be contacted, at least 1.
    """

    def __init__(
        self,
        churned: Floats,
        score: Floats,
        before: Floats | None,
        threshold: float | None,
        capacity: int | None,
    ) -> None:
        self.is_sound = bool(np.isfinite(score).all())
        score = score if self.is_sound else np.zeros_like(score)
        clipped = np.clip(score, TINY, 1 - TINY)
        self.threshold = threshold
        self.places = {str(share): share / 100 for share in SHARES}
        if capacity is not None:
            self.places["capacity"] = min(1.0, max(1, capacity) / len(score))
        self.falling = np.argsort(-score, kind="stable")
        self.truth = churned[self.falling]
        self.ends = group_ends(score[self.falling])
        sums = {
            "users": np.ones_like(score),
            "churners": churned,
            "brier": (score - churned) ** 2,
            "log_loss": -(churned * np.log(clipped) + (1 - churned) * np.log1p(-clipped)),
        }
        if threshold is not None:
            called = (score >= threshold).astype(np.float64)
            sums |= {"called": called, "caught": called * churned}
        self.sums = {name: place for place, name in enumerate(sums)}
        self.gaps: dict[str, slice] = {}
        columns = list(sums.values())
        for name, probability in (("ece", score), ("ece_before", before)):
            if probability is not None:
                self.gaps[name] = slice(len(columns), len(columns) + CALIBRATION_BINS)
                columns += list(_gaps(churned, probability).T)
        self.columns = np.column_stack(columns)

    def measure(self, weights: Floats) -> dict[str, Floats]:
        """Return every metric, shape (resamples,), for weights of shape (resamples, users).

        NaN where there is nothing to divide by (one class only, or nobody called a churner) and everywhere
        if a score is not a number.
        """
        table = weights @ self.columns
        found = {name: table[:, place] for name, place in self.sums.items()}
        users, churners = found["users"], found["churners"]
        rate = churners / users
        values = self._ranking(weights[:, self.falling])
        values["brier"] = found["brier"] / users
        values["log_loss"] = found["log_loss"] / users
        values["brier_skill"] = 1 - _ratio(values["brier"], rate * (1 - rate))
        values |= {name: np.abs(table[:, place]).sum(axis=1) / users for name, place in self.gaps.items()}
        if self.threshold is not None:
            called, caught = found["called"], found["caught"]
            values["threshold"] = np.full(len(users), self.threshold)
            values["accuracy"] = (users - called - churners + 2 * caught) / users
            values["precision"] = _ratio(caught, called)
            values["recall"] = _ratio(caught, churners)
            values["f1"] = _ratio(2 * caught, called + churners)
        return values if self.is_sound else {name: np.full(len(users), np.nan) for name in values}

    def _ranking(self, weights: Floats) -> dict[str, Floats]:
        """Users of one score share a place: whatever cuts through them takes them in part."""
        churners = np.cumsum(weights * self.truth, axis=1)[:, self.ends]
        everyone = np.cumsum(weights, axis=1)[:, self.ends]
        stayers = everyone - churners
        total, all_churners = everyone[:, -1], churners[:, -1]
        gained = np.diff(churners, axis=1, prepend=0.0)
        area = (np.diff(stayers, axis=1, prepend=0.0) * (churners - gained / 2)).sum(axis=1)
        precision = (gained * churners / np.maximum(everyone, 1.0)).sum(axis=1)
        values = {
            "roc_auc": _ratio(area, all_churners * stayers[:, -1]),
            "pr_auc": _ratio(precision, all_churners),
        }
        caught = {name: _caught(churners, everyone, share) for name, share in self.places.items()}
        for name, share in self.places.items():
            values[f"lift_at_{name}"] = _ratio(caught[name] / (total * share), all_churners / total)
        return values | {f"recall_at_{name}": _ratio(found, all_churners) for name, found in caught.items()}


def group_ends(ranked: Floats) -> NDArray[np.int64]:
    """Return the last place of each group of equal score."""
    return np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)


def _gaps(churned: Floats, probability: Floats) -> Floats:
    """Return probability minus outcome, one column per group of equally many users, (users × groups)."""
    place = np.empty(len(probability), dtype=np.int64)
    place[np.argsort(-probability, kind="stable")] = np.arange(len(probability))
    groups = np.arange(CALIBRATION_BINS)[None, :]
    mine = (place * CALIBRATION_BINS // len(probability))[:, None] == groups
    gaps: Floats = np.where(mine, (probability - churned)[:, None], 0.0)
    return gaps


def _ratio(above: Floats, below: Floats) -> Floats:
    """Divide; NaN where there is nothing to divide by."""
    ratio: Floats = np.divide(above, below, out=np.full(len(below), np.nan), where=below > 0)
    return ratio


def _caught(churners: Floats, everyone: Floats, share: float) -> Floats:
    """Churners among the riskiest share of each resample."""
    found = np.empty(len(everyone))
    for row, (seen, caught) in enumerate(zip(everyone, churners, strict=True)):
        wanted = share * seen[-1]
        place = min(int(np.searchsorted(seen, wanted)), len(seen) - 1)
        seen_before, caught_before = (seen[place - 1], caught[place - 1]) if place else (0.0, 0.0)
        part = (wanted - seen_before) / (seen[place] - seen_before)
        found[row] = caught_before + part * (caught[place] - caught_before)
    return found

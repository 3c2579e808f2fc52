"""Two scores of the same users: how far apart they are, and how far apart chance alone could put them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

from ml.evaluation import evaluate
from ml.slices import EVERYBODY, FEWEST_PER_CLASS, FEWEST_USERS

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
CALIBRATION_BINS = 10
TINY = 1e-12
TWO_SIDED = 0.05
JUDGED = ("roc_auc", "log_loss", "brier")
WORDS = {"roc_auc": "ROC-AUC", "log_loss": "log loss", "brier": "Brier score", "ece": "calibration error"}
# The third decimal of a ROC-AUC moves with the seed of an estimator; of the losses, a share of the
# incumbent's.
SMALLEST_GAIN = 0.001


@dataclass(frozen=True)
class Difference:
    """One figure of challenger and incumbent on the same users.

    Attributes
    ----------
    metric : str
        roc_auc (more is better), log_loss, brier or ece (less is better).
    challenger, incumbent : float
        The figures.
    difference : float
        Challenger minus incumbent.
    lower, upper : float
        Its 95 % interval over resamples of users, the same ones for both.
    """

    metric: str
    challenger: float
    incumbent: float
    difference: float
    lower: float
    upper: float

    @property
    def is_number(self) -> bool:
        """Whether every part could be computed."""
        return all(map(math.isfinite, (self.challenger, self.incumbent, self.lower, self.upper)))

    @property
    def is_ahead(self) -> bool:
        """Whether the challenger is better by more than noise, and by enough to be worth a change."""
        if self.metric == "roc_auc":
            return self.lower > 0 and self.difference >= SMALLEST_GAIN
        return self.upper < 0 and -self.difference >= SMALLEST_GAIN * self.incumbent

    @property
    def is_behind(self) -> bool:
        """Whether the challenger is worse by more than noise."""
        return self.upper < 0 if self.metric == "roc_auc" else self.lower > 0

    def __str__(self) -> str:
        return (
            f"{WORDS[self.metric]} {self.challenger:.4f} ({self.difference:+.4f}, {self.lower:+.4f} to "
            f"{self.upper:+.4f})"
        )


@dataclass(frozen=True)
class SliceDifference:
    """What a challenger does on one part of the users, compared with the incumbent.

    Attributes
    ----------
    slice_name, slice_value : str
        Which part.
    users, churned : int
        How many.
    roc_auc, log_loss : float
        Challenger minus incumbent.
    roc_auc_noise, log_loss_noise : float
        How large such a difference may be by chance, with all large slices looked at together.
    """

    slice_name: str
    slice_value: str
    users: int
    churned: int
    roc_auc: float
    roc_auc_noise: float
    log_loss: float
    log_loss_noise: float

    @property
    def is_worse(self) -> bool:
        """Whether the challenger is behind by more than noise, in ranking or in log loss."""
        return self.roc_auc < -self.roc_auc_noise or self.log_loss > self.log_loss_noise

    def __str__(self) -> str:
        return (
            f"{self.slice_name} {self.slice_value} ({self.users:,} users: ROC-AUC {self.roc_auc:+.3f}, noise "
            f"{self.roc_auc_noise:.3f}; log loss {self.log_loss:+.4f}, noise {self.log_loss_noise:.4f})"
        )


def compare_scores(
    churned: Labels, challenger: Floats, incumbent: Floats, *, seed: int = 0
) -> dict[str, Difference]:
    """Return the differences in ROC-AUC, log loss, Brier score and calibration error, by metric.

    Parameters
    ----------
    churned : array, shape (users,)
        Labels, both kinds present.
    challenger, incumbent : array, shape (users,)
        Probabilities.
    seed : int
        Of the resamples.
    """
    metrics = (*JUDGED, "ece")
    rows = {
        (row.candidate, row.metric): row
        for row in evaluate(
            churned,
            {"incumbent": incumbent, "challenger": challenger},
            baseline="incumbent",
            only=metrics,
            seed=seed,
        )
    }
    return {
        metric: Difference(
            metric,
            challenger=rows["challenger", metric].value,
            incumbent=rows["incumbent", metric].value,
            difference=rows["challenger", f"{metric}_over_incumbent"].value,
            lower=rows["challenger", f"{metric}_over_incumbent"].lower,
            upper=rows["challenger", f"{metric}_over_incumbent"].upper,
        )
        for metric in metrics
    }


def is_too_few(churned: Labels) -> bool:
    """Return whether so few users, or so few of one kind, cannot tell two scores apart."""
    churners = int(churned.sum())
    return len(churned) < FEWEST_USERS or min(churners, len(churned) - churners) < FEWEST_PER_CLASS


def roc_auc(churned: Labels, score: Floats) -> float:
    """Return the area under the ROC curve; ties count half."""
    return float(_placements(churned, score)[0].mean())


def auc_difference(churned: Labels, score: Floats, other: Floats) -> tuple[float, float]:
    """Return the difference of two ROC-AUCs of the same users, and its standard error.

    The method is that of DeLong, DeLong and Clarke-Pearson (Biometrics 44, 1988), with ranks in place of
    pairs (Sun and Xu, IEEE Signal Processing Letters 21, 2014). It costs one sort, where resampling a
    hundred slices would cost minutes.
    """
    placed, placed_other = _placements(churned, score), _placements(churned, other)
    of_churners, of_stayers = (mine - theirs for mine, theirs in zip(placed, placed_other, strict=True))
    variance = of_churners.var(ddof=1) / len(of_churners) + of_stayers.var(ddof=1) / len(of_stayers)
    return float(of_churners.mean()), float(np.sqrt(variance))


def _placements(churned: Labels, score: Floats) -> tuple[Floats, Floats]:
    """Return for each churner the share of stayers below, for each stayer the share of churners above."""
    among_all = rankdata(score)
    is_churner = churned == 1
    churners, stayers = int(is_churner.sum()), int((~is_churner).sum())
    below = (among_all[is_churner] - rankdata(score[is_churner])) / stayers
    above = 1 - (among_all[~is_churner] - rankdata(score[~is_churner])) / churners
    return below, above


def loss_difference(churned: Labels, score: Floats, other: Floats) -> tuple[float, float]:
    """Return the difference of two log losses of the same users, and its standard error."""
    difference = _log_losses(churned, score) - _log_losses(churned, other)
    return float(difference.mean()), float(difference.std(ddof=1) / np.sqrt(len(difference)))


def _log_losses(churned: Labels, score: Floats) -> Floats:
    clipped = np.clip(score, TINY, 1 - TINY)
    losses: Floats = -np.where(churned == 1, np.log(clipped), np.log1p(-clipped))
    return losses


def largest_honest_calibration_error(score: Floats) -> float:
    """Return the expected calibration error that a perfect score stays below in 39 of 40 samples this large.

    Even then the churn rate of a group of n users differs from their mean score p by chance, with variance
    p (1 - p) / n; the mean and the variance of such a distance are those of a folded normal variable.
    """
    groups = np.array_split(np.sort(score), min(CALIBRATION_BINS, len(score)))
    weights = np.array([len(group) / len(score) for group in groups])
    variances = np.array([np.mean(group * (1 - group)) / len(group) for group in groups])
    usual = weights @ np.sqrt(2 * variances / np.pi)
    spread = np.sqrt(weights**2 @ (variances * (1 - 2 / np.pi)))
    return float(usual + norm.isf(TWO_SIDED / 2) * spread)


def slice_differences(
    churned: Labels, score: Floats, other: Floats, slices: Mapping[str, pd.Series]
) -> list[SliceDifference]:
    """Compare two scores on every slice that is large enough.

    With thirty slices one seems worse by chance alone: the noise allowed is that of the whole family
    (Bonferroni), so that in 39 of 40 comparisons of equals no slice at all is called worse in one figure.

    Parameters
    ----------
    churned : array, shape (users,)
        Labels.
    score, other : array, shape (users,)
        Probabilities of the challenger and the incumbent.
    slices : mapping of str to pandas.Series
        The value of each user by slice name, in the order of the labels, as `ml.slices.slice_values` gives
        them. The slice of everybody is passed over.

    Returns
    -------
    list of SliceDifference
        Slices with fewer than 100 users, or fewer than 20 of one kind, are left out.
    """
    large = []
    for slice_name, values in slices.items():
        if slice_name == EVERYBODY:
            continue
        known = values.astype(object)
        for slice_value in sorted(known.dropna().unique(), key=str):
            inside = (known == slice_value).to_numpy()
            if not is_too_few(churned[inside]):
                large.append((slice_name, str(slice_value), inside))
    allowed = float(norm.isf(TWO_SIDED / 2 / max(1, len(large))))
    found = []
    for slice_name, slice_value, inside in large:
        mine = churned[inside]
        auc, auc_error = auc_difference(mine, score[inside], other[inside])
        loss, loss_error = loss_difference(mine, score[inside], other[inside])
        found.append(
            SliceDifference(
                slice_name,
                slice_value,
                users=len(mine),
                churned=int(mine.sum()),
                roc_auc=auc,
                roc_auc_noise=allowed * auc_error,
                log_loss=loss,
                log_loss_noise=allowed * loss_error,
            )
        )
    return found

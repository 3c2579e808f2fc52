"""A rule in everybody's own rhythm: the silence, in usual times between purchases."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.candidates.candidate import Candidate, Parameters
from ml.candidates.one_variable import OneVariableRule, one_variable_contributions
from ml.candidates.recency_rule import RECENCY_COLUMN, log_silence
from ml.features import FeatureContract

Floats = NDArray[np.float64]
GAP_COLUMN = "purchase_gap_mean_days"
PAID_DAYS_COLUMN = "paid_days_lifetime"
# The shop's gap counts like so many gaps of the user's own, as in the personal window of the labels.
SHOP_GAPS = 4.0


class PersonalGapRule(OneVariableRule):
    """Churn probability from the silence over the user's own mean gap, shrunk to the shop's.

    A logistic regression on log((1 + days) / gap), where gap = (sum of own gaps + 4 x the shop's mean gap) /
    (own gaps + 4). A user with one purchase has the shop's gap.

    Parameters
    ----------
    horizon_days : int
        Stands in for the shop's gap where nobody bought twice.

    Attributes
    ----------
    shop_gap_ : float
        Mean days between two purchases of a user, over all gaps in training.
    """

    def __init__(self, horizon_days: int = 90) -> None:
        self.horizon_days = horizon_days

    def learn(self, frame: pd.DataFrame) -> None:
        """Learn the shop's mean gap."""
        gaps, days = _gaps(frame)
        self.shop_gap_ = float(days.sum() / gaps.sum()) if gaps.sum() > 0 else float(self.horizon_days)

    def variable(self, frame: pd.DataFrame) -> Floats:
        """Return log((1 + days) / gap)."""
        gaps, days = _gaps(frame)
        own = (days + SHOP_GAPS * self.shop_gap_) / (gaps + SHOP_GAPS)
        return log_silence(frame) - np.log(np.maximum(own, 1.0))

    def credited(self, frame: pd.DataFrame) -> str:
        """Return the gap where it is known of anybody, else the recency."""
        return GAP_COLUMN if GAP_COLUMN in frame.columns else RECENCY_COLUMN


def _gaps(frame: pd.DataFrame) -> tuple[Floats, Floats]:
    """Return how many gaps each user has, and how many days they are together."""
    nothing = np.zeros(len(frame))
    if GAP_COLUMN not in frame.columns:
        return nothing, nothing
    mean = frame[GAP_COLUMN].to_numpy(dtype=np.float64)
    known = ~np.isnan(mean)
    gaps = known.astype(np.float64)
    if PAID_DAYS_COLUMN in frame.columns:
        paid_days = frame[PAID_DAYS_COLUMN].to_numpy(dtype=np.float64)
        gaps = np.where(known, np.maximum(np.nan_to_num(paid_days) - 1.0, 1.0), 0.0)
    return gaps, gaps * np.where(known, mean, 0.0)


def build(
    _contract: FeatureContract, _rows: int, horizon_days: int, _seed: int, _parameters: Parameters
) -> PersonalGapRule:
    """Return the unfitted rule."""
    return PersonalGapRule(horizon_days)


CANDIDATE = Candidate(
    "personal_gap_rule",
    build,
    one_variable_contributions,
    complexity=0,
    reads=(RECENCY_COLUMN, GAP_COLUMN, PAID_DAYS_COLUMN),
    trusted_types=("ml.candidates.personal_gap_rule.PersonalGapRule",),
)

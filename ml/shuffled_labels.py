"""The shuffled-label run: labels are dealt to other users, and nothing may be left to learn.

A model that still ranks them out of fold has seen the rows it is judged on: users on both sides of a fold,
inputs worked out from labels, or a mistake in the way scores are put back together. Whole users swap their
labels, in all snapshots at once, because a user's labels and features are alike from one snapshot to the
next: dealt row by row, a leak through the user would go unseen.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from ml.calibration import out_of_fold_log_odds
from ml.candidates import Candidate
from ml.features import Feature, fit_contract, prepare
from ml.model import few_threads
from ml.paired_comparison import is_too_few, roc_auc

ROWS_AT_MOST = 20_000
# One honest run in a thousand lies further from .5 on either side.
FALSE_ALARMS = 0.001


def shuffle_labels(frame: pd.DataFrame, seed: int) -> NDArray[np.int64]:
    """Deal each user's labels to another user; every snapshot keeps its churners and stayers.

    Where the other user is not in a snapshot, the labels left over there are dealt at random.

    Parameters
    ----------
    frame : pandas.DataFrame
        as_of_date, user_id, churned.
    seed : int
        Of the deal.

    Returns
    -------
    array, shape (rows,)
    """
    random = np.random.default_rng(seed)
    user, names = pd.factorize(frame["user_id"], sort=True)
    giver = random.permutation(len(names))
    churned = frame["churned"].to_numpy(dtype=np.int64)
    dealt = np.empty_like(churned)
    for _, rows in sorted(frame.groupby("as_of_date", sort=True).indices.items()):
        row_of = np.full(len(names), -1)
        row_of[user[rows]] = rows
        source = row_of[giver[user[rows]]]
        has_giver = source >= 0
        dealt[rows[has_giver]] = churned[source[has_giver]]
        left = np.setdiff1d(rows, source[has_giver])
        dealt[rows[~has_giver]] = churned[random.permutation(left)]
    return dealt


def honest_range(users: int, churn_rate: float) -> float:
    """Return how far from .5 the AUC of a score that knows nothing lies, once in a thousand times.

    The variance is twice that of the Mann-Whitney statistic, (n + 1) / (12 · churners · stayers): out of
    fold, two users meet twice, each once as teacher and once as pupil, and both times with the same luck.
    It is worked out for users, not rows: several rows of a user are no independent evidence. In runs on two
    shops the spread was between .96 and 1.13 of the square root of the single variance for a logistic
    regression, and 1.4 for boosted trees.
    """
    churners = users * churn_rate
    variance = 2 * (users + 1) / (12 * churners * (users - churners))
    return float(norm.isf(FALSE_ALARMS / 2) * np.sqrt(variance))


def shuffled_label_alarm(
    candidate: Candidate,
    frame: pd.DataFrame,
    features: tuple[Feature, ...],
    *,
    horizon_days: int,
    seed: int,
    parameters: Mapping[str, Any] | None = None,
    rows_at_most: int = ROWS_AT_MOST,
) -> str:
    """Train a candidate on shuffled labels; return an alarm if it ranks them, empty if it does not.

    Parameters
    ----------
    candidate : Candidate
        What is fitted, as in `ml.model.fit_model`.
    frame : pandas.DataFrame
        Training rows: as_of_date, user_id, features, churned.
    features : tuple of Feature
        Columns that may be read.
    horizon_days : int
        The label's window.
    seed : int
        Of the deal and the estimator.
    parameters : mapping, optional
        Settings of the candidate.
    rows_at_most : int
        Above this, some users are enough.

    Returns
    -------
    str
        Too few users raise no alarm.
    """
    rows = _some_users(frame, rows_at_most, seed)
    rows = rows.assign(churned=shuffle_labels(rows, seed))
    users = rows["user_id"].nunique()
    if is_too_few(rows["churned"].to_numpy()):
        return ""
    contract = fit_contract(rows, features, horizon_days=horizon_days)
    if candidate.reads:
        contract = contract.reading(features, candidate.reads)
    churned = rows["churned"].to_numpy()

    def build() -> Any:
        return candidate.build(contract, len(rows), horizon_days, seed, dict(parameters or {}))

    with few_threads(len(rows)):
        log_odds = out_of_fold_log_odds(build, prepare(rows, contract), churned, rows["user_id"])
    known = np.isfinite(log_odds)
    if is_too_few(churned[known]):
        return ""
    auc = roc_auc(churned[known], log_odds[known])
    noise = honest_range(users, float(churned.mean()))
    if abs(auc - 0.5) <= noise:
        return ""
    return (
        f"{candidate.name} ranks labels that were dealt to other users with a ROC-AUC of {auc:.3f}; by "
        f"chance it is between {0.5 - noise:.3f} and {0.5 + noise:.3f} for {users:,} users"
    )


def _some_users(frame: pd.DataFrame, rows_at_most: int, seed: int) -> pd.DataFrame:
    """Return whole users, about as many as the rows allowed."""
    if len(frame) <= rows_at_most:
        return frame.reset_index(drop=True)
    names = np.sort(frame["user_id"].unique())
    share = rows_at_most / len(frame)
    chosen = np.random.default_rng(seed).permutation(names)[: max(1, int(len(names) * share))]
    return frame[frame["user_id"].isin(chosen)].reset_index(drop=True)

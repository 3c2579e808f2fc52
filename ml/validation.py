"""What is enough to learn from, and on what settings are tried: later snapshots, else other users."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.calibration import FOLDS, user_folds
from ml.features import Feature, FeatureContract, fit_contract

VALIDATION_SNAPSHOTS = 2
# Between what others ask for: 100 of each kind to 500 of each kind.
FEWEST_ROWS = 1_000
FEWEST_PER_CLASS = 200
SHARE_STEPS = 10_000


@dataclass(frozen=True)
class Fold:
    """Rows to learn from, and rows to judge by.

    Attributes
    ----------
    contract : FeatureContract
        Fitted on the rows to learn from.
    learn, judge : pandas.DataFrame
        as_of_date, user_id, features, churned.
    learn_churned, judge_churned : array, shape (rows,)
        Labels, 0 or 1.
    """

    contract: FeatureContract
    learn: pd.DataFrame
    learn_churned: NDArray[np.int64]
    judge: pd.DataFrame
    judge_churned: NDArray[np.int64]


def too_little(churned: NDArray[Any]) -> str:
    """Return why these labels are too few for a model; empty when they are enough."""
    rows, churners = len(churned), int(churned.sum())
    if rows >= FEWEST_ROWS and min(churners, rows - churners) >= FEWEST_PER_CLASS:
        return ""
    return (
        f"Too little data for a model: {rows} training rows, {churners} churned and {rows - churners} not "
        f"({FEWEST_ROWS} rows and {FEWEST_PER_CLASS} of each are needed). The recency rule scores."
    )


def sample_users(frame: pd.DataFrame, rows_at_most: int | None) -> pd.DataFrame:
    """Return the rows of a sample of users: chosen by their id, so the same users in every snapshot.

    A smaller sample is part of a larger one.
    """
    if rows_at_most is None or len(frame) <= rows_at_most:
        return frame
    kept = user_folds(frame["user_id"], SHARE_STEPS) < rows_at_most * SHARE_STEPS // len(frame)
    return frame[kept].reset_index(drop=True)


def validation_folds(
    frame: pd.DataFrame, features: Sequence[Feature], horizon_days: int
) -> tuple[list[Fold], str]:
    """Cut labelled snapshots by time, newest first, where there is enough of it; else by user.

    Parameters
    ----------
    frame : pandas.DataFrame
        as_of_date, user_id, features, churned.
    features : sequence of Feature
        Columns that may be read.
    horizon_days : int
        H: a snapshot is judged by what was learnt from snapshots at least H days older, whose labels were
        complete on its evening.

    Returns
    -------
    folds : list of Fold
    how : str
        In words.
    """
    horizon = timedelta(days=horizon_days)
    days: list[date] = sorted(frame["as_of_date"].unique(), reverse=True)
    masks = []
    for day in days:
        learn = (frame["as_of_date"] <= day - horizon).to_numpy()
        judge = (frame["as_of_date"] == day).to_numpy()
        if _of_both_kinds(frame, learn) and _of_both_kinds(frame, judge):
            masks.append((learn, judge, str(day)))
    if masks:
        chosen = masks[:VALIDATION_SNAPSHOTS]
        how = "later snapshots: " + ", ".join(name for _, _, name in chosen)
    else:
        fold_of_row = user_folds(frame["user_id"])
        chosen = [(fold_of_row != one, fold_of_row == one, "") for one in range(FOLDS)]
        how = "other users: history is too short for later snapshots"
    return [_fold(frame, features, horizon_days, learn, judge) for learn, judge, _ in chosen], how


def _of_both_kinds(frame: pd.DataFrame, rows: NDArray[np.bool_]) -> bool:
    return frame.loc[rows, "churned"].nunique() == 2


def _fold(
    frame: pd.DataFrame,
    features: Sequence[Feature],
    horizon_days: int,
    learn: NDArray[np.bool_],
    judge: NDArray[np.bool_],
) -> Fold:
    learnt, judged = frame[learn], frame[judge]
    return Fold(
        fit_contract(learnt, features, horizon_days=horizon_days),
        learnt,
        learnt["churned"].to_numpy(dtype=np.int64),
        judged,
        judged["churned"].to_numpy(dtype=np.int64),
    )

"""Stops training when something is too good to be true.

A leak is an input that knows the outcome: a row from after as_of_date, a total up to the end of the data, a
flag that is set when a user leaves. Four looks, from coarse to fine:

- one input alone ranks churn with an AUC above .95 (`refuse_leaking_features`, stops training);
- a candidate reaches an AUC above .97 out of time (`refuse_leaking_model`, stops training);
- a candidate is further above the plain rule than honest inputs take it (`ml.plausibility`, an alarm);
- labels dealt to other users can still be ranked (`ml.shuffled_labels`, an alarm).
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from ml.calibration import user_folds
from ml.features import Feature
from warehouse.errors import ContractBreach

SINGLE_FEATURE_AUC = 0.95
MODEL_AUC = 0.97
FEWEST_PER_CLASS = 30


class SuspectedLeak(ContractBreach):
    """An input knows the outcome. Trying again cannot help."""


def single_feature_auc(
    values: pd.Series, churned: NDArray[np.int64], kind: str, halves: NDArray[np.int64]
) -> float:
    """Return how well one input alone ranks churn, whichever way it points; from .5 to 1.

    NULL is tried as the lowest and as the highest value. Text is ordered by its share of churners among the
    users of the other half, or values that occur once would give their label away.
    """
    if kind == "categorical":
        text = values.astype(object).where(values.notna(), "")
        shares = np.full(len(churned), churned.mean())
        for half in (0, 1):
            here = halves == half
            of_value = pd.Series(churned[~here]).groupby(text[~here].to_numpy()).mean()
            shares[here] = text[here].map(of_value).fillna(churned.mean()).to_numpy(dtype=np.float64)
        return _either_way(shares, churned)
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    if np.isnan(numbers).all():
        return 0.5
    missing = np.isnan(numbers)
    low, high = np.nanmin(numbers) - 1, np.nanmax(numbers) + 1
    fills = (low, high) if missing.any() else (low,)
    return max(_either_way(np.where(missing, fill, numbers), churned) for fill in fills)


def _either_way(values: NDArray[np.float64], churned: NDArray[np.int64]) -> float:
    churners = churned.sum()
    stayers = len(churned) - churners
    ranks = rankdata(values)
    auc = (ranks[churned == 1].sum() - churners * (churners + 1) / 2) / (churners * stayers)
    return float(max(auc, 1 - auc))


def refuse_leaking_features(frame: pd.DataFrame, features: Sequence[Feature]) -> tuple[str, float]:
    """Return the strongest single input and its AUC, or stop.

    Raises
    ------
    SuspectedLeak
        Naming every input that alone ranks churn with an AUC above .95.
    """
    churned = frame["churned"].to_numpy()
    if min(churned.sum(), len(churned) - churned.sum()) < FEWEST_PER_CLASS:
        return "", float("nan")
    halves = user_folds(frame["user_id"], 2)
    alone = {
        feature.name: single_feature_auc(frame[feature.name], churned, feature.kind, halves)
        for feature in features
    }
    found = {name: auc for name, auc in alone.items() if auc > SINGLE_FEATURE_AUC}
    if found:
        raise SuspectedLeak(
            "An input alone tells who churned: it must have seen the outcome",
            ", ".join(f"{name} (AUC {auc:.3f})" for name, auc in sorted(found.items())),
            "look in its SQL for rows after as_of_date; training stops and the model in use stays",
        )
    strongest = max(alone, key=lambda name: alone[name])
    return strongest, alone[strongest]


def refuse_leaking_model(candidate: str, auc: float, strongest: str, strongest_auc: float) -> None:
    """Stop when a candidate is better out of time than any honest churn model.

    Raises
    ------
    SuspectedLeak
        Naming the candidate and its strongest input.
    """
    if auc > MODEL_AUC:
        raise SuspectedLeak(
            f"Candidate {candidate} is too good to be true out of time: AUC {auc:.3f}",
            f"strongest input alone: {strongest} (AUC {strongest_auc:.3f})",
            "look for inputs that saw the outcome together; training stops and the model in use stays",
        )

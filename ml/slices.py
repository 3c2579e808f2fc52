"""How good a score is for parts of the population: countries, newcomers, one-time buyers, big spenders."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.candidates import RECENCY_RULE
from ml.evaluation import Metric, as_frame, evaluate

Floats = NDArray[np.float64]
# With 20 of one kind among 100 users an AUC of .75 is known to +-.13 (standard error of Hanley and McNeil,
# 1982), and the calibration error of a perfect score is about .1 already: below that, figures mislead.
FEWEST_USERS = 100
FEWEST_PER_CLASS = 20
VALUES_AT_MOST = 8
RESAMPLES = 200
METRICS = ("roc_auc", "brier_skill", "ece", "log_loss")
OTHER = "other"
UNKNOWN = "unknown"
EVERYBODY = "everybody"
TENURE_BANDS = ((0, "0-29 days"), (30, "30-89 days"), (90, "90-179 days"), (180, "180-364 days"))
LONGEST_TENURE = (365, "365 days or more")
COLUMNS = [
    "candidate",
    "slice_name",
    "slice_value",
    "users",
    "churned",
    "is_small",
    "metric",
    "value",
    "lower",
    "upper",
]


def slices(
    frame: pd.DataFrame,
    scores: Mapping[str, Floats],
    *,
    value_cutoffs: Mapping[str, float],
    baseline: str = RECENCY_RULE,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> pd.DataFrame:
    """Judge scores on parts of a test snapshot.

    Parameters
    ----------
    frame : pandas.DataFrame
        The test rows: features and churned.
    scores : mapping of str to array, shape (users,)
        Churn probability per candidate, the baseline among them.
    value_cutoffs : mapping of str to float
        See `load_value_cutoffs`.
    baseline : str
        The candidate that the others are compared with.
    resamples : int
        Bootstrap resamples of users per slice.
    seed : int
        Of the resamples.

    Returns
    -------
    pandas.DataFrame
        candidate, slice_name, slice_value, users, churned, is_small, metric, value, lower, upper. First
        everybody, then every slice that the columns allow. A slice of fewer than 100 users, or with fewer
        than 20 of one kind, is small: its figures are NaN.
    """
    churned = frame["churned"].to_numpy(dtype=np.int64)
    found = []
    for slice_name, values in slice_values(frame, value_cutoffs).items():
        for slice_value in values.cat.categories:
            inside = (values == slice_value).to_numpy()
            users, churners = int(inside.sum()), int(churned[inside].sum())
            if not users:
                continue
            is_small = users < FEWEST_USERS or min(churners, users - churners) < FEWEST_PER_CLASS
            mine = {name: score[inside] for name, score in scores.items()}
            if is_small:
                figures = [
                    Metric(name, metric, np.nan, np.nan, np.nan) for name in mine for metric in METRICS
                ]
            else:
                figures = evaluate(
                    churned[inside], mine, baseline=baseline, only=METRICS, resamples=resamples, seed=seed
                )
            found.append(
                as_frame(figures).assign(
                    slice_name=slice_name,
                    slice_value=slice_value,
                    users=users,
                    churned=churners,
                    is_small=is_small,
                )
            )
    return pd.concat(found, ignore_index=True)[COLUMNS]


def slice_values(frame: pd.DataFrame, value_cutoffs: Mapping[str, float]) -> dict[str, pd.Series]:
    """Return, per slice name, the value of each row as a category, in the order in which they are reported.

    Names whose columns are absent, or the same for everybody, are left out.
    """
    everybody = pd.Series([EVERYBODY] * len(frame), dtype="category")
    possible = {
        "country": _common(frame, "country"),
        "tenure": _tenure(frame),
        "buyers": _buyers(frame),
        "value_tier": _value_tier(frame, value_cutoffs),
        "device": _device(frame),
        "channel": _common(frame, "acquisition_channel"),
    }
    told = {name: values for name, values in possible.items() if values is not None}
    return {EVERYBODY: everybody} | {name: values for name, values in told.items() if values.nunique() > 1}


def load_value_cutoffs(seed: Path) -> dict[str, float]:
    """Return the percentile of net spend from which each value tier begins, from the seed of value tiers.

    The file has the columns `value_tier` and `from_percentile`.
    """
    with seed.open(encoding="utf-8", newline="") as file:
        return {row["value_tier"]: float(row["from_percentile"]) for row in csv.DictReader(file)}


def _common(frame: pd.DataFrame, column: str) -> pd.Series | None:
    """Return a text column with its commonest values, the rest as "other", NULL as "unknown"."""
    if column not in frame.columns or frame[column].isna().all():
        return None
    text = frame[column].astype(object).where(frame[column].notna(), UNKNOWN).astype(str)
    counts = text.value_counts()
    ranked = sorted(counts.index, key=lambda value: (-counts[value], value))
    kept = ranked[:VALUES_AT_MOST]
    values = text.where(text.isin(kept), OTHER)
    return pd.Series(pd.Categorical(values, categories=list(dict.fromkeys([*kept, OTHER]))))


def _tenure(frame: pd.DataFrame) -> pd.Series | None:
    days = _numbers(frame, "days_since_first_paid_order")
    if days is None:
        return None
    bands = [*TENURE_BANDS, LONGEST_TENURE]
    place = np.searchsorted([start for start, _ in bands], np.nan_to_num(days), side="right") - 1
    return _labelled(np.where(np.isnan(days), len(bands), place), [name for _, name in bands])


def _buyers(frame: pd.DataFrame) -> pd.Series | None:
    is_one_time = _numbers(frame, "is_one_time_buyer")
    if is_one_time is None:
        paid_days = _numbers(frame, "paid_days_lifetime")
        if paid_days is None:
            return None
        is_one_time = np.where(np.isnan(paid_days), np.nan, paid_days == 1)
    return _labelled(
        np.where(np.isnan(is_one_time), 2, 1 - np.nan_to_num(is_one_time)),
        ["one-time buyers", "repeat buyers"],
    )


def _value_tier(frame: pd.DataFrame, cutoffs: Mapping[str, float]) -> pd.Series | None:
    """Return the tier of each user by the rank of net spend, as the risk tables do it."""
    spend = _numbers(frame, "net_amount_365d")
    if spend is None:
        return None
    percentile = 100 * (pd.Series(spend).rank(method="min").to_numpy() - 1) / max(1, len(spend) - 1)
    tiers = sorted(cutoffs, key=lambda tier: cutoffs[tier])
    starts = [cutoffs[tier] for tier in tiers]
    place = np.searchsorted(starts, np.nan_to_num(percentile), side="right") - 1
    return _labelled(np.where(np.isnan(percentile), len(tiers), place), [f"{tier} value" for tier in tiers])


def _device(frame: pd.DataFrame) -> pd.Series | None:
    share = _numbers(frame, "mobile_event_share_90d")
    if share is None:
        return None
    return _labelled(
        np.where(np.isnan(share), 2, np.nan_to_num(share) < 0.5),
        ["mostly mobile", "mostly desktop"],
        "no visit in 90 days",
    )


def _numbers(frame: pd.DataFrame, column: str) -> Floats | None:
    """Return a column as numbers; None if it is absent or empty."""
    if column not in frame.columns or frame[column].isna().all():
        return None
    return frame[column].to_numpy(dtype=np.float64, na_value=np.nan)


def _labelled(place: NDArray[np.generic], names: Sequence[str], nothing: str = UNKNOWN) -> pd.Series:
    return pd.Series(
        pd.Categorical.from_codes(place.astype(np.int64), categories=pd.Index([*names, nothing]))
    )

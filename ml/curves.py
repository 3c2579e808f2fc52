"""Points of the curves that are drawn of a score: gain, lift, reliability, distribution."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.metrics import CALIBRATION_BINS, group_ends

Floats = NDArray[np.float64]
SHARES = 100
SCORE_BINS = 20
COLUMNS = ["candidate", "curve", "point", "x", "y", "users"]


def curves(
    churned: NDArray[np.int64], scores: Mapping[str, Floats], before: Mapping[str, Floats] | None = None
) -> pd.DataFrame:
    """Return the points of every curve of every candidate.

    Parameters
    ----------
    churned : array, shape (users,)
        Labels, 0 or 1, both present.
    scores : mapping of str to array, shape (users,)
        Calibrated churn probability per candidate.
    before : mapping of str to array, shape (users,), optional
        The same before calibration.

    Returns
    -------
    pandas.DataFrame
        candidate, curve, point (from 1), x, y, users. Per curve:

        gain: share of users contacted, riskiest first; share of churners among them; users contacted.
        lift: share of users contacted; churn rate among them over that of everybody; users contacted.
        reliability_before, reliability_after: mean score of a tenth of the users, by score; their churn
        rate; their number.
        score_distribution: middle of a twentieth of the scale from 0 to 1; share of users there; their
        number.
    """
    found = []
    for name, score in scores.items():
        found += [
            _gain(churned, score).assign(candidate=name, curve="gain"),
            _lift(churned, score).assign(candidate=name, curve="lift"),
            _reliability(churned, score).assign(candidate=name, curve="reliability_after"),
            _distribution(score).assign(candidate=name, curve="score_distribution"),
        ]
        if before and name in before:
            earlier = _reliability(churned, before[name])
            found.append(earlier.assign(candidate=name, curve="reliability_before"))
    return pd.concat(found, ignore_index=True)[COLUMNS]


def _points(x: Floats, y: Floats, users: NDArray[np.int64]) -> pd.DataFrame:
    return pd.DataFrame({"point": np.arange(1, len(x) + 1), "x": x, "y": y, "users": users})


def _gain(churned: NDArray[np.int64], score: Floats) -> pd.DataFrame:
    """Users of one score share a place: a share that cuts through them takes them in part."""
    falling = np.argsort(-score, kind="stable")
    ends = group_ends(score[falling])
    seen = np.append(0, ends + 1)
    caught = np.append(0, np.cumsum(churned[falling])[ends])
    shares = np.linspace(0.0, 1.0, SHARES + 1)
    contacted = shares * len(score)
    return _points(
        shares, np.interp(contacted, seen, caught) / churned.sum(), np.rint(contacted).astype(np.int64)
    )


def _lift(churned: NDArray[np.int64], score: Floats) -> pd.DataFrame:
    gain = _gain(churned, score).iloc[1:]
    shares = gain["x"].to_numpy()
    return _points(shares, gain["y"].to_numpy() / shares, gain["users"].to_numpy())


def _reliability(churned: NDArray[np.int64], score: Floats) -> pd.DataFrame:
    groups = [
        group for group in np.array_split(np.argsort(score, kind="stable"), CALIBRATION_BINS) if len(group)
    ]
    return _points(
        np.array([score[group].mean() for group in groups]),
        np.array([churned[group].mean() for group in groups]),
        np.array([len(group) for group in groups]),
    )


def _distribution(score: Floats) -> pd.DataFrame:
    users, edges = np.histogram(score, bins=SCORE_BINS, range=(0.0, 1.0))
    return _points((edges[:-1] + edges[1:]) / 2, users / len(score), users)

"""Did past scores come true? Judged once their labels are complete, on users that no campaign touched."""

from dataclasses import replace
from datetime import date
from math import erfc, sqrt

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.evaluation import evaluate
from ml.finding import Finding, percent

Floats = NDArray[np.float64]

# Fewer outcomes of either kind than this are not judged.
FEWEST_PER_CLASS = 30
# A scored day in a hundred would be off by chance ...
ALPHA = 0.01
# ... and is an alarm when a tenth more or fewer users churned than were expected: a season moves less, and
# less would change no budget. The yardstick allows an expected calibration error of .06 at a churn near .6.
MOST_EXCESS = 0.10
# A ROC-AUC may fall this far behind what the contest promised, over and above its noise.
MOST_LOSS = 0.05
# Where the shop writes to more of its users than this, being written to is no treatment but the usual, and
# those it leaves out are others (they withdrew their consent): then everybody is judged.
USUAL_MAILING = 0.5


def judge_outcomes(
    outcomes: pd.DataFrame, scored_on: date, promised_auc: float | None, *, seed: int = 0
) -> list[Finding]:
    """Compare past scores with what became of the users (pure).

    Calibration in the large: the number of churners has mean Σp and variance Σp(1 - p) if every probability
    is right (Cox 1958); the figure is observed over expected. Ranking: ROC-AUC, and the lift among the
    riskiest tenth, with bootstrap intervals.

    Parameters
    ----------
    outcomes : pandas.DataFrame
        From `ml.outcomes.realised`.
    scored_on : date
        The day of the scores.
    promised_auc : float or None
        ROC-AUC of the model out of time, when it was trained; None if it was not compared.
    seed : int
        Of the resamples.

    Returns
    -------
    list of Finding
        calibration, and lift for roc_auc and lift_at_10.
    """
    judged, left_out = _judged_users(outcomes)
    churned = judged["churned"].to_numpy(dtype=np.int64)
    probability = judged["churn_probability"].to_numpy(dtype=np.float64)
    version = str(outcomes["model_version"].iloc[0]) if len(outcomes) else ""
    if min(churned.sum(), len(churned) - churned.sum()) < FEWEST_PER_CLASS:
        message = (
            f"Not judged: of {len(judged)} users scored on {scored_on}, {churned.sum()} churned; "
            f"{FEWEST_PER_CLASS} who churned and as many who stayed are needed.{left_out}"
        )
        kinds = (("calibration", "churn_probability"), ("lift", "roc_auc"), ("lift", "lift_at_10"))
        found = [Finding(*kind, None, None, None, False, len(judged), message) for kind in kinds]
    else:
        found = [
            _calibration(churned, probability),
            *_ranking(churned, probability, promised_auc, seed),
        ]
        where = f"{len(judged)} users scored on {scored_on}.{left_out}"
        found = [replace(finding, message=f"{finding.message} {where}") for finding in found]
    return [replace(finding, model_version=version) for finding in found]


def _judged_users(outcomes: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    kept = outcomes[~outcomes["is_treated"].to_numpy(dtype=bool)]
    mailed = kept["is_mailed"].to_numpy(dtype=bool)
    if len(kept) and mailed.mean() > USUAL_MAILING:
        note = f" The shop writes to {percent(float(mailed.mean()))} of them as a rule; they are judged too."
    else:
        kept, note = kept[~mailed], ""
    left_out = len(outcomes) - len(kept)
    return kept, (f" {left_out} that a campaign touched are left out." if left_out else "") + note


def _calibration(churned: NDArray[np.int64], probability: Floats) -> Finding:
    observed, expected = int(churned.sum()), float(probability.sum())
    deviation = sqrt(float((probability * (1 - probability)).sum()))
    ratio = observed / expected if expected > 0 else float("inf")
    if deviation > 0:
        p_value = erfc(abs(observed - expected) / deviation / sqrt(2))
    else:
        p_value = float(observed == expected)
    margin = 1.96 * deviation / expected if expected > 0 else 0.0
    limit = 1 + MOST_EXCESS if ratio > 1 else 1 - MOST_EXCESS
    message = (
        f"{observed} churned and {expected:.0f} were expected: {ratio:.2f} times as many "
        f"({ratio - margin:.2f} to {ratio + margin:.2f}), alarm below {1 - MOST_EXCESS:.2f} and above "
        f"{1 + MOST_EXCESS:.2f}."
    )
    is_alarm = p_value < ALPHA and abs(ratio - 1) > MOST_EXCESS
    return Finding("calibration", "churn_probability", ratio, p_value, limit, is_alarm, len(churned), message)


def _ranking(
    churned: NDArray[np.int64], probability: Floats, promised_auc: float | None, seed: int
) -> list[Finding]:
    metrics = evaluate(
        churned, {"past": probability}, baseline="past", only=("roc_auc", "lift_at_10"), seed=seed
    )
    auc, lift = (next(row for row in metrics if row.metric == name) for name in ("roc_auc", "lift_at_10"))
    limit = None if promised_auc is None else promised_auc - MOST_LOSS
    promise = (
        "nothing was promised"
        if limit is None
        else f"{promised_auc:.3f} was promised, alarm below {limit:.3f}"
    )
    return [
        Finding(
            "lift",
            "roc_auc",
            auc.value,
            None,
            limit,
            limit is not None and bool(auc.upper < limit),
            len(churned),
            f"ROC-AUC {auc.value:.3f} ({auc.lower:.3f} to {auc.upper:.3f}); {promise}.",
        ),
        Finding(
            "lift",
            "lift_at_10",
            lift.value,
            None,
            None,
            False,
            len(churned),
            f"The riskiest tenth churned {lift.value:.2f} times as often as everybody "
            f"({lift.lower:.2f} to {lift.upper:.2f}).",
        ),
    ]

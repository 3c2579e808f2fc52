"""The day's watch: whether the model is still fed what it learnt from, and what it said comes true.

Every check is a row of `ml.model_health`, also where all is well or nothing could be judged: the message says
which. What is compared with days before is compared with those that were scored when the watch ran.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, timedelta

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.campaigns import campaign_touched, untouched
from ml.dataset import USER_DAYS_TABLE
from ml.drift_checks import check_drift
from ml.finding import Finding, percent
from ml.model import ChurnModel
from ml.outcome_checks import judge_outcomes
from ml.outcomes import matured_day, realised
from ml.tables import HEALTH_COLUMNS, REPORT
from warehouse.definitions import Definition

__all__ = ["RETRAINING_CHECKS", "campaign_touched", "untouched", "watch"]

# An alarm of these says that the model no longer fits; the others, that something around it is wrong.
RETRAINING_CHECKS = ("feature_drift", "score_drift", "calibration", "lift", "model_age")

TIERS_TABLE = "risk.user_risk_tiers_history"
TIERS = ("high", "medium", "low")
# Four weeks even out the weekdays; with fewer than a week of days a median says little.
TRAILING_DAYS = 28
TRAILING_DAYS_NEEDED = 7
# A tier's share may stray from its median by a quarter of it, and by two users in a hundred at least: what a
# team notices in its call list. Beyond that, four times what chance and the last four weeks show.
TIER_STRAYS = 0.25
TIER_STRAYS_AT_LEAST = 0.02
DEVIATIONS = 4.0
# The median absolute deviation of a normal variable times this is its standard deviation.
MAD_TO_DEVIATION = 1.4826
# Eight weekly contests without a successor: by then a season has passed that the model never saw.
MODEL_DAYS = 56


def watch(
    connection: duckdb.DuckDBPyConnection,
    *,
    as_of_date: date,
    model: ChurnModel,
    training_snapshots: Sequence[date],
    definition: Definition,
    freshness_days: int,
    run_id: str,
    seed: int = 0,
) -> pd.DataFrame:
    """Look at a scored day from every side; seconds, whatever the number of users.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The open build file, with the day's features, scores and tiers.
    as_of_date : date
        The day.
    model : ChurnModel
        Who scored it, with its version.
    training_snapshots : sequence of date
        The snapshots that the model learnt from, newest first.
    definition : Definition
        The definition of churn in force.
    freshness_days : int
        The days without orders after which the gates close (the source's declaration); half of them alarm.
    run_id : str
        Written on every row.
    seed : int
        Of samples and resamples.

    Returns
    -------
    pandas.DataFrame
        The columns of `ml.model_health`; one row per check_kind and subject.
    """
    version = model.model_version
    findings = [
        *check_drift(connection, as_of_date, model, training_snapshots, definition, seed=seed),
        *_tier_shares(connection, as_of_date),
        *_freshness(connection, as_of_date, max(1, freshness_days // 2)),
        _model_age(model, as_of_date),
        *_past_scores(connection, as_of_date, definition, seed),
    ]
    rows = [asdict(finding) | {"model_version": finding.model_version or version} for finding in findings]
    frame = pd.DataFrame(rows).assign(
        as_of_date=as_of_date, definition_id=definition.definition_id, run_id=run_id
    )
    numbers = dict.fromkeys(("statistic", "p_value", "threshold"), "float64")
    return frame[list(HEALTH_COLUMNS)].astype(numbers)


def _tier_shares(connection: duckdb.DuckDBPyConnection, as_of_date: date) -> list[Finding]:
    found = connection.execute(
        f"select as_of_date, risk_tier, count(*) as users from {TIERS_TABLE} "
        "where as_of_date <= $day and as_of_date >= $first_day group by all",
        {"day": as_of_date, "first_day": as_of_date - timedelta(days=TRAILING_DAYS)},
    ).df()
    table = found.pivot(index="as_of_date", columns="risk_tier", values="users").fillna(0)
    table = table.reindex(columns=list(TIERS), fill_value=0)
    is_today = table.index == pd.Timestamp(as_of_date)
    users = int(table[is_today].to_numpy().sum())
    shares = table.div(table.sum(axis=1), axis=0)
    return [
        _tier_share(
            tier, float(shares.loc[is_today, tier].sum()), shares.loc[~is_today, tier].to_numpy(), users
        )
        for tier in TIERS
    ]


def _tier_share(tier: str, share: float, earlier: NDArray[np.float64], users: int) -> Finding:
    if not users or len(earlier) < TRAILING_DAYS_NEEDED:
        message = (
            f"Not judged: {percent(share)} of {users} users, and fewer than {TRAILING_DAYS_NEEDED} of the "
            f"last {TRAILING_DAYS} days to compare with."
        )
        return Finding("tier_share", tier, None, None, None, False, users, message)
    median = float(np.median(earlier))
    by_chance = float(np.sqrt(median * (1 - median) / users))
    by_day = MAD_TO_DEVIATION * float(np.median(np.abs(earlier - median)))
    limit = max(TIER_STRAYS * median, TIER_STRAYS_AT_LEAST, DEVIATIONS * by_chance, DEVIATIONS * by_day)
    message = (
        f"{percent(share)} of {users} users are {tier}; the median of {len(earlier)} earlier days is "
        f"{percent(median)}, alarm {percent(limit)} away from it."
    )
    strays = share - median
    return Finding("tier_share", tier, strays, None, limit, abs(strays) > limit, users, message)


def _freshness(connection: duckdb.DuckDBPyConnection, as_of_date: date, limit: int) -> list[Finding]:
    row = connection.execute(
        "select max(case when active_days > 0 then activity_date end), "
        "max(case when paid_days > 0 then activity_date end), count(*) "
        f"from {USER_DAYS_TABLE} where known_on <= $day and (superseded_on is null or superseded_on > $day) "
        "and activity_date <= $day and activity_date > $day - 365",
        {"day": as_of_date},
    ).fetchone()
    findings = []
    *newest, rows = row or (None, None, 0)
    for subject, day in zip(("any_activity", "paid_order"), newest, strict=True):
        age = None if day is None else (as_of_date - day).days
        what = "None is known of a year" if age is None else f"The newest is {age} days old ({day})"
        message = f"{what}; alarm above {limit} days."
        is_stale = age is None or age > limit
        findings.append(Finding("freshness", subject, age, None, limit, is_stale, int(rows), message))
    return findings


def _model_age(model: ChurnModel, as_of_date: date) -> Finding:
    age = (as_of_date - model.trained_as_of).days
    message = (
        f"{model.model_version} stands on {model.trained_as_of}, {age} days ago; alarm above {MODEL_DAYS}."
    )
    return Finding("model_age", model.candidate, age, None, MODEL_DAYS, age > MODEL_DAYS, 1, message)


def _past_scores(
    connection: duckdb.DuckDBPyConnection, as_of_date: date, definition: Definition, seed: int
) -> list[Finding]:
    scored_on = matured_day(connection, definition, as_of_date)
    if scored_on is None:
        message = f"Not judged: no day was scored {definition.horizon_days} days ago or earlier."
        kinds = (("calibration", "churn_probability"), ("lift", "roc_auc"), ("lift", "lift_at_10"))
        return [Finding(*kind, None, None, None, False, 0, message) for kind in kinds]
    outcomes = realised(connection, scored_on, definition, as_of_date)
    version = str(outcomes["model_version"].iloc[0]) if len(outcomes) else ""
    return judge_outcomes(outcomes, scored_on, _promised_auc(connection, version), seed=seed)


def _promised_auc(connection: duckdb.DuckDBPyConnection, model_version: str) -> float | None:
    """Return the ROC-AUC out of time of the candidate that became the model."""
    row = connection.execute(
        f"""
        select promised.value
        from {REPORT} as promised
        inner join {REPORT} as chosen using (model_version, candidate)
        where
            model_version = ? and promised.metric = 'roc_auc' and chosen.metric = 'is_chosen'
            and isfinite(promised.value)
        """,
        [model_version],
    ).fetchone()
    return float(row[0]) if row else None

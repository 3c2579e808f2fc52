"""The day's inputs against the rows that the model learnt from, and its scores against its first day."""

from collections.abc import Mapping, Sequence
from datetime import date

import duckdb
import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from ml.dataset import FEATURE_TABLE
from ml.drift import LEAST_EFFECT, DriftResult, compare_columns, effect_size
from ml.features import Feature
from ml.finding import Finding, percent
from ml.outcomes import SCORES_TABLE
from ml.samples import sampled

SCORE = "churn_probability"


def check_drift(
    connection: duckdb.DuckDBPyConnection,
    as_of_date: date,
    features: Sequence[Feature],
    training_snapshots: Sequence[date],
    model_version: str,
    *,
    seed: int = 0,
) -> list[Finding]:
    """Compare every input, and the score; all of them are one family of tests.

    Inputs are compared with the newest snapshot that the model learnt from, eligible users on both sides.
    That snapshot is a label's window older than the model: seasons and the age of users have moved on since.
    How far they usually move is known: an input is an alarm only where it moved further than between the
    oldest and the newest snapshot that the model learnt from.

    The score is compared with the first day that this very model scored: rows that it learnt from would not
    do, since a model is surer of those.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The open build file.
    as_of_date : date
        The day.
    features : sequence of Feature
        What the model reads.
    training_snapshots : sequence of date
        What it learnt from, newest first.
    model_version : str
        Who scored the day.
    seed : int
        See `ml.drift.compare`.

    Returns
    -------
    list of Finding
        One feature_drift per input, one score_drift.
    """
    kinds = {feature.name: feature.kind for feature in features}
    samples = {day: _inputs(connection, day, kinds) for day in {as_of_date, *_ends(training_snapshots)}}
    reference: dict[str, pd.Series] = {}
    current: dict[str, pd.Series] = {}
    usual: dict[str, float] = {}
    since = {}
    if training_snapshots and not samples[training_snapshots[0]].empty:
        newest, oldest = (samples[day] for day in _ends(training_snapshots))
        reference |= {name: newest[name] for name in kinds}
        current |= {name: samples[as_of_date][name] for name in kinds}
        since = dict.fromkeys(kinds, training_snapshots[0])
        if not oldest.empty:
            usual |= {name: effect_size(oldest[name], newest[name], kind) for name, kind in kinds.items()}
    first_day = _first_scored(connection, model_version, as_of_date)
    if first_day is not None and first_day < as_of_date:
        reference[SCORE] = _scores(connection, first_day)
        current[SCORE] = _scores(connection, as_of_date)
        since[SCORE] = first_day
    tested = {name: kinds.get(name, "numeric") for name in reference}
    results = compare_columns(reference, current, tested, usual=usual, seed=seed)
    told = {
        name: _finding(name, result, (reference[name], current[name]), since[name])
        for name, result in results.items()
    }
    users = len(samples[as_of_date])
    return [told.get(name) or _not_judged(name, users, training_snapshots) for name in (*kinds, SCORE)]


def _ends(snapshots: Sequence[date]) -> tuple[date, ...]:
    return (snapshots[0], snapshots[-1]) if snapshots else ()


def _inputs(
    connection: duckdb.DuckDBPyConnection, as_of_date: date, kinds: Mapping[str, str]
) -> pd.DataFrame:
    columns = ", ".join(
        f'cast("{name}" as {"varchar" if kind == "categorical" else "double"}) as "{name}"'
        for name, kind in kinds.items()
    )
    where = "is_eligible and as_of_date = $day"
    table = connection.execute(
        f"select user_id, {columns} from {FEATURE_TABLE} "
        f"where {where} and {sampled(FEATURE_TABLE, where)} order by user_id",
        {"day": as_of_date},
    ).to_arrow_table()
    frame: pd.DataFrame = table.to_pandas()
    return frame


def _first_scored(connection: duckdb.DuckDBPyConnection, model_version: str, as_of_date: date) -> date | None:
    row = connection.execute(
        f"select min(as_of_date) from {SCORES_TABLE} where model_version = ? and as_of_date <= ?",
        [model_version, as_of_date],
    ).fetchone()
    return row[0] if row else None


def _scores(connection: duckdb.DuckDBPyConnection, as_of_date: date) -> pd.Series:
    where = "as_of_date = $day"
    found = connection.execute(
        f"select churn_probability from {SCORES_TABLE} "
        f"where {where} and {sampled(SCORES_TABLE, where)} order by user_id",
        {"day": as_of_date},
    ).fetchnumpy()
    return pd.Series(np.asarray(found["churn_probability"], dtype=np.float64))


def _finding(name: str, result: DriftResult, sides: tuple[pd.Series, pd.Series], since: date) -> Finding:
    check_kind = "score_drift" if name == SCORE else "feature_drift"
    if np.isnan(result.p_value):
        message = f"Not judged: {len(sides[1])} users now and {len(sides[0])} on {since} are too few."
        return Finding(check_kind, name, None, None, None, False, result.n, message)
    what = _numbers_moved(sides) if is_numeric_dtype(sides[0]) else _text_moved(result, sides[1])
    message = (
        f"Stability index {result.effect:.2f} since {since}, alarm from {result.threshold:.2f} "
        f"where chance is below 1 in 100 (here {result.p_value:.2g}): {what}."
    )
    return Finding(
        check_kind,
        name,
        result.effect,
        result.p_value,
        result.threshold,
        result.is_drift,
        result.n,
        message,
    )


def _numbers_moved(sides: tuple[pd.Series, pd.Series]) -> str:
    """Say where NULL, 0 and the middle of the rest went."""
    parts = []
    numbers = [side.to_numpy(dtype=np.float64, na_value=np.nan) for side in sides]
    for what, shares in (
        ("NULL", [float(np.isnan(side).mean()) for side in numbers]),
        ("0", [float((side == 0).mean()) for side in numbers]),
    ):
        if max(shares) > 0:
            parts.append(f"{what} {percent(shares[0])} to {percent(shares[1])}")
    rests = [side[~np.isnan(side) & (side != 0)] for side in numbers]
    if all(len(rest) for rest in rests):
        before, after = (float(np.median(rest)) for rest in rests)
        parts.append(f"median of the rest {before:.4g} to {after:.4g}")
    return ", ".join(parts) or "nothing is known"


def _text_moved(result: DriftResult, current: pd.Series) -> str:
    if not result.new_values:
        return f"{current.nunique()} values, none of them new"
    shares = current.value_counts(normalize=True, dropna=False)
    new = [f"{value} {percent(float(shares[value]))}" for value in result.new_values]
    return f"new values: {', '.join(new)}"


def _not_judged(name: str, users: int, training_snapshots: Sequence[date]) -> Finding:
    if name == SCORE:
        message = "Not judged: it is the first day that this model scores."
        return Finding("score_drift", name, None, None, LEAST_EFFECT, False, users, message)
    if training_snapshots:
        message = f"Not judged: the features of {training_snapshots[0]} are not in the build file."
    else:
        message = "Not judged: the model learnt from no rows."
    return Finding("feature_drift", name, None, None, LEAST_EFFECT, False, users, message)

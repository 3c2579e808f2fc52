"""The day's inputs against the rows that the model learnt from, its scores against those of its own day."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

import duckdb
import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from ml.dataset import FEATURE_TABLE, population
from ml.drift import LEAST_EFFECT, DriftResult, compare, compare_columns, effect_size, judged
from ml.finding import Finding, percent
from ml.model import ChurnModel
from ml.outcomes import SCORES_TABLE
from ml.samples import sampled
from warehouse.definitions import Definition

SCORE = "churn_probability"
# Either side of a snapshot: the days of the week, and the cycle of a mailing every other week.
DAYS_NEARBY = 7
Sides = tuple[pd.Series, pd.Series]


def check_drift(
    connection: duckdb.DuckDBPyConnection,
    as_of_date: date,
    model: ChurnModel,
    training_snapshots: Sequence[date],
    definition: Definition,
    *,
    seed: int = 0,
) -> list[Finding]:
    """Compare every input, and the score; all of them are one family of tests.

    Inputs are compared with the newest snapshot that the model learnt from, on both sides the users that the
    definition asks about, whichever was in force when those days were built. It lies a label's window before
    the model's own day, so a year goes on meanwhile; what moved since gets a second look before it is an
    alarm (`_second_look`).

    The score is compared with what this very model gives the users of the day on which it was trained. Rows
    that it learnt from would not do, since a model is surer of those.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The open build file.
    as_of_date : date
        The day.
    model : ChurnModel
        Who scored the day.
    training_snapshots : sequence of date
        What it learnt from, newest first.
    definition : Definition
        The definition of churn in force.
    seed : int
        See `ml.drift.compare`.

    Returns
    -------
    list of Finding
        One feature_drift per input, one score_drift.
    """
    kinds = {feature.name: feature.kind for feature in model.contract.features}
    asked = population(definition)
    today = _inputs(connection, as_of_date, kinds, asked)
    before = _inputs(connection, training_snapshots[0], kinds, asked) if training_snapshots else today[:0]
    sides: dict[str, Sides] = {}
    since: dict[str, date] = {}
    if not before.empty:
        sides |= {name: (before[name], today[name]) for name in kinds}
        since |= dict.fromkeys(kinds, training_snapshots[0])
    then = _inputs(connection, model.trained_as_of, kinds, asked)
    if not then.empty:
        sides[SCORE] = (pd.Series(model.predict(then)), _scores(connection, as_of_date))
        since[SCORE] = model.trained_as_of
    results = compare_columns(
        {name: side for name, (side, _) in sides.items()},
        {name: side for name, (_, side) in sides.items()},
        {name: kinds.get(name, "numeric") for name in sides},
        seed=seed,
    )
    moved = {name: kind for name, kind in kinds.items() if name in results and results[name].is_drift}
    nearby = _days_nearby(connection, training_snapshots, as_of_date) if moved else []
    samples = {day: _inputs(connection, day, moved, asked) for day in {*nearby, *training_snapshots} if moved}
    for name, kind in moved.items():
        columns = {day: frame[name] for day, frame in samples.items() if not frame.empty}
        results[name], since[name] = _second_look(
            results[name],
            kind,
            today[name],
            columns,
            nearby=nearby,
            training_snapshots=training_snapshots,
        )
    told = {name: _finding(name, result, sides[name], since[name]) for name, result in results.items()}
    needed = dict.fromkeys(kinds, next(iter(training_snapshots), None)) | {SCORE: model.trained_as_of}
    return [told.get(name) or _not_judged(name, len(today), day) for name, day in needed.items()]


def _second_look(
    result: DriftResult,
    kind: str,
    today: pd.Series,
    columns: Mapping[date, pd.Series],
    *,
    nearby: Sequence[date],
    training_snapshots: Sequence[date],
) -> tuple[DriftResult, date]:
    """Judge a column that moved by two things more; return the result, and the day it is held against.

    The day of the week or of a mailing's cycle: today is held against the most similar of the stored days
    within a week of the newest snapshot. What is usual: an index is an alarm only above the largest between
    that snapshot and the others that the model learnt from; seasons and the age of users move that far.
    """
    looks = {day: compare(columns[day], today, kind) for day in nearby if day in columns}
    closest = min(looks, key=lambda day: looks[day].effect)
    newest = columns[training_snapshots[0]]
    usual = [effect_size(columns[day], newest, kind) for day in training_snapshots if day in columns]
    new_in_all = set(result.new_values).intersection(*(look.new_values for look in looks.values()))
    second = replace(
        result,
        effect=looks[closest].effect,
        threshold=max(LEAST_EFFECT, *usual),
        new_values=tuple(sorted(new_in_all)),
    )
    return judged(second), closest


def _days_nearby(
    connection: duckdb.DuckDBPyConnection, training_snapshots: Sequence[date], as_of_date: date
) -> list[date]:
    """Return the stored days within a week of the newest snapshot, that snapshot first."""
    rows = connection.execute(
        f"select distinct as_of_date from {FEATURE_TABLE} where as_of_date < $today "
        "and abs(as_of_date - $newest::date) <= $reach order by abs(as_of_date - $newest::date), as_of_date",
        {"today": as_of_date, "newest": training_snapshots[0], "reach": DAYS_NEARBY},
    ).fetchall()
    return [day for (day,) in rows]


def _inputs(
    connection: duckdb.DuckDBPyConnection, as_of_date: date, kinds: Mapping[str, str], asked: str
) -> pd.DataFrame:
    columns = ", ".join(
        f'cast("{name}" as {"varchar" if kind == "categorical" else "double"}) as "{name}"'
        for name, kind in kinds.items()
    )
    where = f"{asked} and as_of_date = $day"
    table = connection.execute(
        f"select user_id, {columns} from {FEATURE_TABLE} "
        f"where {where} and {sampled(FEATURE_TABLE, where)} order by user_id",
        {"day": as_of_date},
    ).to_arrow_table()
    frame: pd.DataFrame = table.to_pandas()
    return frame


def _scores(connection: duckdb.DuckDBPyConnection, as_of_date: date) -> pd.Series:
    where = "as_of_date = $day"
    found = connection.execute(
        f"select churn_probability from {SCORES_TABLE} "
        f"where {where} and {sampled(SCORES_TABLE, where)} order by user_id",
        {"day": as_of_date},
    ).fetchnumpy()
    return pd.Series(np.asarray(found["churn_probability"], dtype=np.float64))


def _finding(name: str, result: DriftResult, sides: Sides, since: date) -> Finding:
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


def _numbers_moved(sides: Sides) -> str:
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


def _not_judged(name: str, users: int, needed: date | None) -> Finding:
    kind = "score_drift" if name == SCORE else "feature_drift"
    why = f"the features of {needed} are not in the build file" if needed else "the model learnt from no rows"
    return Finding(kind, name, None, None, LEAST_EFFECT, False, users, f"Not judged: {why}.")

"""Scores every eligible user of a day, and writes nothing unless every score is sound."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from ml.dataset import load_features, table_schema
from ml.explanation import explain
from ml.features import check_not_emptied, check_schema
from ml.model import ChurnModel
from ml.training import TrainingOutcome
from warehouse.errors import GateFailure

SCORES = "ml.churn_scores"
REPORT = "ml.model_report"
DECILES = 10

SCORE_COLUMNS = {
    "as_of_date": "date not null",
    "user_id": "varchar not null",
    "churn_probability": "double not null",
    "churn_percentile": "double not null",
    "churn_decile": "integer not null",
    **{
        f"reason_{place}_{part}": sql_type
        for place in (1, 2, 3)
        for part, sql_type in (("code", "varchar"), ("value", "double"), ("contribution", "double"))
    },
    "model_version": "varchar not null",
    "horizon_days": "integer not null",
    "run_id": "varchar not null",
}
REPORT_COLUMNS = {
    "model_version": "varchar not null",
    "trained_as_of": "date not null",
    "candidate": "varchar not null",
    "metric": "varchar not null",
    "value": "double",
    "lower": "double",
    "upper": "double",
    "test_as_of_date": "date",
    "horizon_days": "integer not null",
    "note": "varchar not null",
}


@dataclass(frozen=True)
class ScoringOutcome:
    """What a scoring run wrote.

    Attributes
    ----------
    as_of_date : date
        The day scored.
    model_version, candidate : str
        Who scored.
    users : int
        Rows written: every eligible user once.
    mean_probability : float
        Expected share of churners.
    note : str
        What the model says about itself, for instance that there was too little data.
    """

    as_of_date: date
    model_version: str
    candidate: str
    users: int
    mean_probability: float
    note: str


def score(
    connection: duckdb.DuckDBPyConnection,
    *,
    as_of_date: date,
    model: ChurnModel,
    run_id: str,
    themes: Mapping[str, str],
    progress: Callable[[str], None] = lambda _line: None,
) -> ScoringOutcome:
    """Score the eligible users of a day and replace that day in `ml.churn_scores`.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The open build file.
    as_of_date : date
        The day to score; its features must be built.
    model : ChurnModel
        Who scores.
    run_id : str
        Written on every row.
    themes : mapping of str to str
        Theme of each input, for the reasons.
    progress : callable
        Takes one line per step.

    Returns
    -------
    ScoringOutcome

    Raises
    ------
    ContractBreach
        If the features do not fit the model.
    GateFailure
        If a score is not a probability, or users and scores do not match one to one; nothing is written.
    """
    check_schema(table_schema(connection), model.contract)
    frame = load_features(connection, as_of_date)
    check_not_emptied(frame, model.contract)
    progress(f"scoring {len(frame)} users on {as_of_date} with {model.model_version} ({model.candidate})")
    scores = score_frame(frame, model, themes, run_id)
    check_scores(scores, frame["user_id"])
    replace_rows(connection, SCORES, SCORE_COLUMNS, scores, {"as_of_date": as_of_date})
    mean = float(scores["churn_probability"].mean())
    progress(f"wrote {len(scores)} scores, mean probability {mean:.3f}")
    return ScoringOutcome(as_of_date, model.model_version, model.candidate, len(scores), mean, model.note)


def score_frame(
    frame: pd.DataFrame, model: ChurnModel, themes: Mapping[str, str], run_id: str
) -> pd.DataFrame:
    """Return the scores of feature rows (pure): probability, percentile, decile and reasons per user."""
    probability = model.predict(frame)
    percentile, decile = rank(probability, frame["user_id"])
    scores = pd.DataFrame(
        {
            "as_of_date": frame["as_of_date"].to_numpy(),
            "user_id": frame["user_id"].to_numpy(),
            "churn_probability": probability,
            "churn_percentile": percentile,
            "churn_decile": decile,
        }
    )
    scores = pd.concat([scores, explain(model, frame, themes)], axis=1)
    return scores.assign(model_version=model.model_version, horizon_days=model.horizon_days, run_id=run_id)


def rank(
    probability: NDArray[np.float64], user_ids: pd.Series
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Return percentile (0 to 100) and decile (1 to 10, 10 the riskiest); ties are broken by user_id.

    Examples
    --------
    >>> percentile, decile = rank(np.array([0.2, 0.9, 0.2]), pd.Series(["b", "c", "a"]))
    >>> percentile.round(1).tolist(), decile.tolist()
    ([66.7, 100.0, 33.3], [7, 10, 4])
    """
    order = np.lexsort((user_ids.to_numpy(dtype=str), probability))
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(1, len(order) + 1)
    decile = np.ceil(place * DECILES / len(order)).astype(np.int32)
    return 100.0 * place / len(order), decile


def check_scores(scores: pd.DataFrame, eligible: pd.Series) -> None:
    """Refuse scores that are no probabilities, or do not cover every eligible user exactly once.

    Raises
    ------
    GateFailure
        Naming the first user concerned.
    """
    probability = scores["churn_probability"].to_numpy()
    unsound = ~((probability >= 0) & (probability <= 1))  # true for NaN as well
    problems = {
        "have a score that is not a probability": scores.loc[unsound, "user_id"],
        "are scored twice": scores.loc[scores["user_id"].duplicated(), "user_id"],
        "are eligible but not scored": eligible[~eligible.isin(scores["user_id"])],
        "are scored but not eligible": scores.loc[~scores["user_id"].isin(eligible), "user_id"],
    }
    for problem, users in problems.items():
        if len(users):
            raise GateFailure(
                f"{len(users)} users {problem}; no score of this day was written",
                f"user {users.iloc[0]}",
                "look at that user's features; the scores of earlier runs stay",
            )
    if scores.empty:
        raise GateFailure("There is no score to write", 0, "look whether any user is eligible on that day")


def write_model_report(
    connection: duckdb.DuckDBPyConnection, outcome: TrainingOutcome, model_version: str
) -> None:
    """Replace a model's rows in `ml.model_report`."""
    replace_rows(
        connection,
        REPORT,
        REPORT_COLUMNS,
        report_frame(outcome, model_version),
        {"model_version": model_version},
    )


def report_frame(outcome: TrainingOutcome, model_version: str) -> pd.DataFrame:
    """Return one row per candidate and metric, plus how many rows the model learnt from."""
    learnt = [outcome.counts[str(day)] for day in outcome.plan.production if str(day) in outcome.counts]
    rows = sum(count["rows"] for count in learnt)
    churned = sum(count["churned"] for count in learnt)
    figures = [
        *((item.candidate, item.metric, item.value, item.lower, item.upper) for item in outcome.metrics),
        (outcome.model.candidate, "is_chosen", 1.0, None, None),
        (outcome.model.candidate, "training_rows", float(rows), None, None),
        (outcome.model.candidate, "training_rows_churned", float(churned), None, None),
    ]
    frame = pd.DataFrame(figures, columns=["candidate", "metric", "value", "lower", "upper"])
    compared = {
        "out_of_time": "Compared on a later snapshot than any that was learnt from.",
        "other_users": "Compared on users that were not learnt from, not on a later snapshot.",
        "nothing": "Not compared.",
    }[outcome.compared_on]
    return frame.assign(
        model_version=model_version,
        trained_as_of=outcome.model.trained_as_of,
        test_as_of_date=outcome.test_as_of_date,
        horizon_days=outcome.model.horizon_days,
        note=f"{compared} {outcome.model.note}".strip(),
    )


def replace_rows(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    columns: Mapping[str, str],
    frame: pd.DataFrame,
    key: Mapping[str, object],
) -> None:
    """Replace the rows of a table that share a key by those of a frame, in one transaction, through Arrow."""
    declared = ", ".join(f"{name} {sql_type}" for name, sql_type in columns.items())
    rows = pa.Table.from_pandas(frame[list(columns)], preserve_index=False)
    (key_column, key_value), *_ = key.items()
    connection.execute("begin transaction")
    try:
        connection.execute(f"create table if not exists {table} ({declared})")
        connection.execute(f"delete from {table} where {key_column} = ?", [key_value])
        connection.register("rows_to_write", rows)
        connection.execute(f"insert into {table} by name select * from rows_to_write")
        connection.execute("commit")
    except duckdb.Error:
        connection.execute("rollback")
        raise
    finally:
        connection.unregister("rows_to_write")

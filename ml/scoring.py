"""Scores every eligible user of a day, and writes nothing unless every score is sound."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.dataset import FEATURE_TABLE, load_features, population, table_schema
from ml.explanation import score_and_explain
from ml.features import check_not_emptied, check_schema
from ml.model import ChurnModel
from ml.tables import DEFINITION_SCORE_COLUMNS, DEFINITION_SCORES, replace_rows
from warehouse.definitions import Definition
from warehouse.errors import GateFailure

SCORES = "ml.churn_scores"
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
    probability, reasons = score_and_explain(model, frame, themes)
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
    scores = pd.concat([scores, reasons], axis=1)
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


def score_definition(
    connection: duckdb.DuckDBPyConnection,
    as_of_date: date,
    definition: Definition,
    model: ChurnModel,
    run_id: str,
) -> int:
    """Score the population of a definition on a day and replace those rows in `ml.definition_scores`.

    Returns
    -------
    int
        Users scored; 0 where the definition asks about nobody on that day.

    Raises
    ------
    ContractBreach
        If the features do not fit the model.
    GateFailure
        If a score is not a probability; nothing is written.
    """
    check_schema(table_schema(connection), model.contract)
    frame = load_features(connection, as_of_date, definition)
    probability = model.predict(frame)
    percentile, decile = rank(probability, frame["user_id"])
    scores = pd.DataFrame(
        {
            "as_of_date": as_of_date,
            "user_id": frame["user_id"].to_numpy(),
            "definition_id": definition.definition_id,
            "churn_probability": probability,
            "churn_percentile": percentile,
            "churn_decile": decile,
            "horizon_days": definition.horizon_days,
            "model_version": model.model_version,
            "run_id": run_id,
        }
    )
    if not frame.empty:
        check_scores(scores, frame["user_id"])
    key = {"as_of_date": as_of_date, "definition_id": definition.definition_id}
    replace_rows(connection, DEFINITION_SCORES, DEFINITION_SCORE_COLUMNS, scores, key)
    return len(scores)


def repeat_scores(connection: duckdb.DuckDBPyConnection, as_of_date: date, definition: Definition) -> None:
    """Write the scores of the definition in force into `ml.definition_scores` as well, to the last digit."""
    key = {"as_of_date": as_of_date, "definition_id": definition.definition_id}
    scores = connection.execute(
        f"""
        select scores.*, $definition_id as definition_id
        from {SCORES} as scores
        inner join {FEATURE_TABLE} as features using (as_of_date, user_id)
        where scores.as_of_date = $as_of_date and {population(definition)}
        order by user_id
        """,
        key,
    ).to_arrow_table()
    replace_rows(
        connection, DEFINITION_SCORES, DEFINITION_SCORE_COLUMNS, scores.to_pandas(date_as_object=True), key
    )


def check_scores(scores: pd.DataFrame, eligible: pd.Series) -> None:
    """Refuse scores that are no probabilities, or do not cover every eligible user exactly once.

    Raises
    ------
    GateFailure
        Naming the first user concerned.
    """
    probability = scores["churn_probability"].to_numpy()
    unsound = ~((probability >= 0) & (probability <= 1))  # true for NaN as well
    # plain objects: pandas looks strings of Arrow up one by one
    scored, expected = (ids.reset_index(drop=True).astype(object) for ids in (scores["user_id"], eligible))
    problems = {
        "have a score that is not a probability": scored[unsound],
        "are scored twice": scored[scored.duplicated()],
        "are eligible but not scored": expected[~expected.isin(scored)],
        "are scored but not eligible": scored[~scored.isin(expected)],
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

"""Scores the users whom a refresh touches, with the model of the list that is being refreshed."""

from collections.abc import Mapping
from datetime import date

import duckdb

from ml.dataset import FEATURE_TABLE, load_features, table_schema
from ml.features import check_schema
from ml.model import ChurnModel
from ml.scoring import DECILES, SCORE_COLUMNS, SCORES, check_scores, score_frame
from ml.tables import replace_rows


def score_touched(
    connection: duckdb.DuckDBPyConnection,
    *,
    as_of_date: date,
    model: ChurnModel,
    themes: Mapping[str, str],
    run_id: str,
) -> int:
    """Score the eligible users among those whose features stand in a scratch database.

    By the same contract, model and explanations as the daily run. Percentile and decile of a few users say
    nothing; `place_among` sets them once the others are beside them.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Holds the feature table of these users alone; the scores are written beside it.
    as_of_date : date
        The day that the features describe.
    model : ChurnModel
        The model that scored the list.
    themes : mapping of str to str
        Theme of each input, for the reasons.
    run_id : str
        Written on every row.

    Returns
    -------
    int
        Users scored; none where none of them is eligible.

    Raises
    ------
    ContractBreach
        If the features do not fit the model.
    GateFailure
        If a score is not a probability; nothing is written.
    """
    check_schema(table_schema(connection), model.contract)
    connection.execute("create schema if not exists ml")
    declared = ", ".join(f"{name} {sql_type}" for name, sql_type in SCORE_COLUMNS.items())
    connection.execute(f"create or replace table {SCORES} ({declared})")
    found = connection.execute(f"select count(*) from {FEATURE_TABLE} where is_eligible").fetchall()
    if not found[0][0]:
        return 0
    # no look at emptied columns here: among a few users a column may well be empty
    frame = load_features(connection, as_of_date)
    scores = score_frame(frame, model, themes, run_id)
    check_scores(scores, frame["user_id"])
    replace_rows(connection, SCORES, SCORE_COLUMNS, scores, {"as_of_date": as_of_date})
    return len(scores)


def place_among(connection: duckdb.DuckDBPyConnection, scores: str, everybody: str) -> None:
    """Set percentile and decile of the scored users by their place among everybody, ties by user_id.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Holds both relations.
    scores : str
        The scores of the touched users.
    everybody : str
        A relation with user_id and churn_probability of all users of the list, these included.
    """
    connection.execute(
        f"""
        update {scores} as scores set
            churn_percentile = 100.0 * places.place / places.users,
            churn_decile = ceil(places.place * {DECILES} / places.users)
        from (
            select
                user_id,
                row_number() over (order by churn_probability, user_id) as place,
                count(*) over () as users
            from {everybody}
        ) as places
        where scores.user_id = places.user_id
        """
    )

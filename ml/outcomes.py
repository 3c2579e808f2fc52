"""What became of users who were scored.

A label is complete when its whole window has passed. Outcomes are read from user-days through the boundary of
the training labels (dbt macro `seen_by`): what the evening of `known_on` knew, in the version it knew.
"""

from datetime import date, timedelta

import duckdb
import pandas as pd

from ml.campaigns import campaign_touched
from ml.dataset import FEATURE_TABLE, USER_DAYS_TABLE, population
from ml.samples import sampled
from ml.tables import REPORT
from warehouse.definitions import Definition
from warehouse.errors import ContractBreach

SCORES_TABLE = "ml.churn_scores"


def matured_day(
    connection: duckdb.DuckDBPyConnection, definition: Definition, as_of_date: date
) -> date | None:
    """Return the newest scored day whose outcomes are complete by a day, or None before there is one."""
    row = connection.execute(
        f"select max(as_of_date) from {SCORES_TABLE} where as_of_date <= ? and horizon_days = ? "
        f"and model_version in (select model_version from {REPORT} where definition_id = ?)",
        [
            as_of_date - timedelta(days=definition.horizon_days),
            definition.horizon_days,
            definition.definition_id,
        ],
    ).fetchone()
    return row[0] if row else None


def realised(
    connection: duckdb.DuckDBPyConnection, scored_on: date, definition: Definition, known_on: date
) -> pd.DataFrame:
    """Return the scores of a past day beside what became of the users.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The open build file.
    scored_on : date
        The day of the scores; its window must have passed by `known_on`.
    definition : Definition
        What is waited for. Who is outside of its population (or has no personal window) is left out.
    known_on : date
        The evening whose knowledge counts.

    Returns
    -------
    pandas.DataFrame
        user_id, churn_probability, model_version, churned, is_treated (by a campaign of ours) and is_mailed
        (written to by the shop in the window), ordered by user; of many users a sample, chosen by their id.

    Raises
    ------
    ContractBreach
        If the window has not passed.
    """
    if scored_on + timedelta(days=definition.horizon_days) > known_on:
        raise ContractBreach(
            f"The outcomes of {scored_on} are not complete on {known_on}",
            f"horizon of {definition.horizon_days} days",
            "judge an older day: an outcome is known when the whole window has passed",
        )
    act = "active_days" if definition.label_kind == "any_activity" else "paid_days"
    window = f"cross join (select {definition.horizon_days} as window_days) as windows"
    is_personal = definition.label_kind == "personal"
    # the scores are of all eligible users; a smaller population is told by the day's features
    if is_personal or definition.fewest_paid_days > 1 or definition.most_paid_days is not None:
        days = "least(personal_window_days, $horizon_days)" if is_personal else "$horizon_days"
        # least() skips NULL: who has no window of their own must not get the longest
        has_window = "personal_window_days is not null" if is_personal else "true"
        window = (
            f"inner join (select user_id, {days} as window_days from {FEATURE_TABLE} "
            f"where as_of_date = $scored_on and {population(definition)} and {has_window}) as windows "
            "on windows.user_id = scores.user_id"
        )
    table = connection.execute(
        f"""
        with scores as (
            select user_id, churn_probability, model_version
            from {SCORES_TABLE}
            where as_of_date = $scored_on and {sampled(SCORES_TABLE, "as_of_date = $scored_on")}
        ),
        acts as (
            select
                user_id,
                min(case when {act} > 0 then activity_date - $scored_on end) as days_to_act,
                sum(touches_sent) > 0 as is_mailed
            from {USER_DAYS_TABLE}
            where
                known_on <= $known_on and (superseded_on is null or superseded_on > $known_on)
                and activity_date > $scored_on and activity_date <= $scored_on + $horizon_days
            group by user_id
        )
        select
            scores.*,
            coalesce(acts.days_to_act > windows.window_days, true) as churned,
            coalesce(acts.is_mailed, false) as is_mailed
        from scores
        {window}
        left join acts on acts.user_id = scores.user_id
        order by scores.user_id
        """,
        {"scored_on": scored_on, "known_on": known_on, "horizon_days": definition.horizon_days},
    ).to_arrow_table()
    frame: pd.DataFrame = table.to_pandas()
    touched = campaign_touched(connection, [scored_on], definition.horizon_days, known_on)
    return frame.assign(is_treated=frame["user_id"].isin(touched["user_id"]).to_numpy())

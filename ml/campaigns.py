"""Whose outcome a campaign changed: natural churn is learnt from, and judged on, the others.

The holdout and the global control were chosen by chance and left alone, so they stay and stand for everybody.
"""

from collections.abc import Sequence
from datetime import date

import duckdb
import pandas as pd

CAMPAIGN_SCHEMA, CAMPAIGN_TABLE = "campaigns", "campaign_assignments"
TREATED = "treatment"


def campaign_touched(
    connection: duckdb.DuckDBPyConnection, dates: Sequence[date], horizon_days: int, known_on: date
) -> pd.DataFrame:
    """Return whose outcome a campaign may have changed: treated in the label's window of a snapshot.

    Holdout and global control are left alone, so they stay. An assignment counts from its `action_on` where
    the table has that column (without an action nothing was done), else from its `assigned_on`.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The open build file. Without `campaigns.campaign_assignments` nobody is touched.
    dates : sequence of date
        Snapshots.
    horizon_days : int
        Days after a snapshot in which an action counts.
    known_on : date
        Actions after this evening are not known yet.

    Returns
    -------
    pandas.DataFrame
        as_of_date and user_id, each pair once, ordered.
    """
    columns = _columns(connection)
    if not columns or not dates:
        return pd.DataFrame({"as_of_date": pd.Series(dtype=object), "user_id": pd.Series(dtype=object)})
    acted_on = "action_on" if "action_on" in columns else "assigned_on"
    table = connection.execute(
        f"""
        select distinct snapshots.as_of_date, assignments.user_id
        from (select unnest($dates::date[]) as as_of_date) as snapshots
        inner join {CAMPAIGN_SCHEMA}.{CAMPAIGN_TABLE} as assignments
            on assignments.{acted_on} > snapshots.as_of_date
            and assignments.{acted_on} <= snapshots.as_of_date + $horizon_days
        where assignments.arm = $treated and assignments.{acted_on} <= $known_on
        order by all
        """,
        {"dates": list(dates), "horizon_days": horizon_days, "treated": TREATED, "known_on": known_on},
    ).to_arrow_table()
    touched: pd.DataFrame = table.to_pandas(date_as_object=True)
    return touched


def untouched(
    connection: duckdb.DuckDBPyConnection, frame: pd.DataFrame, *, horizon_days: int, known_on: date
) -> pd.DataFrame:
    """Return the rows of snapshots whose outcome no campaign changed: what natural churn is learnt from.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The open build file.
    frame : pandas.DataFrame
        Rows with as_of_date and user_id.
    horizon_days : int
        The label's window.
    known_on : date
        The evening on which the labels are known.

    Returns
    -------
    pandas.DataFrame
        The same rows without those of `campaign_touched`, numbered anew.
    """
    dates = sorted(frame["as_of_date"].unique())
    touched = campaign_touched(connection, dates, horizon_days, known_on)
    if touched.empty:
        return frame
    keys = pd.MultiIndex.from_frame(frame[["as_of_date", "user_id"]].astype(object))
    left_out = keys.isin(pd.MultiIndex.from_frame(touched.astype(object)))
    return frame[~left_out].reset_index(drop=True)


def _columns(connection: duckdb.DuckDBPyConnection) -> set[str]:
    rows = connection.execute(
        "select column_name from information_schema.columns where table_schema = ? and table_name = ?",
        [CAMPAIGN_SCHEMA, CAMPAIGN_TABLE],
    ).fetchall()
    return {str(name) for (name,) in rows}

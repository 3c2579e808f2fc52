"""Whose outcome a campaign changed: natural churn is learnt from, and judged on, the others.

The holdout and the global control were chosen by chance and left alone, so they stay and stand for everybody.
"""

from collections.abc import Sequence
from datetime import date

import duckdb
import pandas as pd

CONTACT_SCHEMA, CONTACT_TABLE = "control", "campaign_contacts"
# A message whose answer was lost may have arrived, so it counts.
HANDED_OVER = ("sent", "unknown")


def campaign_touched(
    connection: duckdb.DuckDBPyConnection, dates: Sequence[date], horizon_days: int, known_on: date
) -> pd.DataFrame:
    """Return whose outcome a campaign may have changed: contacted by us in the label's window of a snapshot.

    Who was only chosen, held out or kept as global control is left alone, and stays. A contact counts from
    the day on which it was handed over; a message decided on the evening of a day cannot have changed that
    day, so it counts from the next one at the earliest.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The open build file. Without `control.campaign_contacts` nobody is touched.
    dates : sequence of date
        Snapshots.
    horizon_days : int
        Days after a snapshot in which a contact counts.
    known_on : date
        Contacts after this evening are not known yet.

    Returns
    -------
    pandas.DataFrame
        as_of_date and user_id, each pair once, ordered.
    """
    if not dates or not _is_there(connection):
        return pd.DataFrame({"as_of_date": pd.Series(dtype=object), "user_id": pd.Series(dtype=object)})
    table = connection.execute(
        f"""
        with contacts as (
            select
                user_id,
                greatest(
                    coalesce(cast(handed_over_at as date), as_of_date), as_of_date + 1
                ) as contacted_on
            from {CONTACT_SCHEMA}.{CONTACT_TABLE}
            where list_contains($states, state)
        )
        select distinct snapshots.as_of_date, contacts.user_id
        from (select unnest($dates::date[]) as as_of_date) as snapshots
        inner join contacts
            on contacts.contacted_on > snapshots.as_of_date
            and contacts.contacted_on <= snapshots.as_of_date + $horizon_days
        where contacts.contacted_on <= $known_on
        order by all
        """,
        {
            "dates": list(dates),
            "horizon_days": horizon_days,
            "states": list(HANDED_OVER),
            "known_on": known_on,
        },
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


def _is_there(connection: duckdb.DuckDBPyConnection) -> bool:
    rows = connection.execute(
        "select 1 from information_schema.tables where table_schema = ? and table_name = ?",
        [CONTACT_SCHEMA, CONTACT_TABLE],
    ).fetchall()
    return bool(rows)

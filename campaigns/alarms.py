"""What is wrong with a day's experiments: somebody held out was reached, or an arm has the wrong size."""

from datetime import date

import duckdb

from warehouse.connections import open_read_only
from warehouse.ledger import Alarm
from warehouse.settings import Settings

CONTAMINATION, SAMPLE_RATIO = "contamination", "sample_ratio"
KINDS = (CONTAMINATION, SAMPLE_RATIO)


def campaign_alarms(settings: Settings, as_of_date: date) -> list[Alarm]:
    """Return the alarms that the day's campaign tables ask for.

    Parameters
    ----------
    settings : Settings
        Where the build file is; it is opened for reading.
    as_of_date : date
        The day that was built.
    """
    with open_read_only(settings.build_file) as connection:
        found = [*_contaminated(connection, as_of_date), *_of_the_wrong_size(connection, as_of_date)]
    return [Alarm(settings.source, as_of_date, kind, subject, text) for kind, subject, text in found]


def _contaminated(connection: duckdb.DuckDBPyConnection, day: date) -> list[tuple[str, str, str]]:
    rows = connection.execute(
        """
        select experiment_id, users_reached, contacts, users_protected
        from campaigns.campaign_contamination
        where as_of_date = ? and users_reached > 0
        order by experiment_id
        """,
        [day],
    ).fetchall()
    return [
        (
            CONTAMINATION,
            str(experiment),
            f"{reached} of {protected} users who must be left alone were reached, by {contacts} contacts.",
        )
        for experiment, reached, contacts, protected in rows
    ]


def _of_the_wrong_size(connection: duckdb.DuckDBPyConnection, day: date) -> list[tuple[str, str, str]]:
    rows = connection.execute(
        """
        select experiment_id, users_held_out, expected_held_out, p_value
        from campaigns.campaign_sample_ratio
        where as_of_date = ? and is_read_out_stopped
        order by experiment_id
        """,
        [day],
    ).fetchall()
    return [
        (
            SAMPLE_RATIO,
            str(experiment),
            f"{held_out} users are held out where {expected:.0f} were drawn (p = {p:.1g}): "
            "the read-out is stopped.",
        )
        for experiment, held_out, expected, p in rows
    ]

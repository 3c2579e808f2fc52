"""Build the features of many past days without asking for more memory than a few of them take."""

from collections.abc import Callable, Sequence
from datetime import date

import duckdb

from warehouse.connections import open_read_only
from warehouse.dbt_project import dbt_vars, run_dbt
from warehouse.settings import Settings

# As the DAGs build a day: with the tests of the data, without the unit tests of the SQL.
BUILD = ("build", "--exclude-resource-type", "unit_test", "--selector")
# Rows of user_features that one dbt build may make: 1,300,000 of them did not fit into 4 GB, 400,000 do.
ROWS_AT_ONCE = 400_000


def build_past_days(settings: Settings, days: Sequence[date], progress: Callable[[str], None] = print) -> int:
    """Build the features of days, several at once, as many as memory allows; oldest first.

    The first batch brings the history up to date, with every test on it; the others only add days.

    Parameters
    ----------
    settings : Settings
        Where the build file is.
    days : sequence of date
        Days to build, in any order; the rows do not depend on how they are batched.
    progress : callable
        Takes one line per batch when there is more than one.

    Returns
    -------
    int
        How many dbt builds it took.
    """
    batches = batches_of(sorted(set(days)), _users(settings), ROWS_AT_ONCE)
    for number, batch in enumerate(batches, start=1):
        if len(batches) > 1:
            progress(f"features of past days, batch {number} of {len(batches)}: {batch[0]} to {batch[-1]}")
        selector = "features" if number == 1 else "past_days"
        run_dbt(settings, [*BUILD, selector], dbt_vars(settings, as_of_dates=batch))
    return len(batches)


def batches_of(days: Sequence[date], users: int, rows_at_once: int) -> list[list[date]]:
    """Cut days into batches of at most `rows_at_once` user-days, of at least one day each."""
    at_once = max(1, rows_at_once // max(users, 1))
    return [list(days[start : start + at_once]) for start in range(0, len(days), at_once)]


def _users(settings: Settings) -> int:
    """Count the users that a day may have; 0 where nothing was built yet."""
    if not settings.build_file.exists():
        return 0
    with open_read_only(settings.build_file) as connection:
        try:
            found = connection.execute("select count(distinct user_id) from intermediate.int_user_days")
        except duckdb.CatalogException:
            return 0
        (users,) = found.fetchone() or (0,)
    return int(users)

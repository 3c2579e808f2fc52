"""Which days a model is trained, tested and used on: the weekly grid and the snapshot plan."""

from dataclasses import dataclass
from datetime import date, timedelta

# The dbt variable label_step_days is the same number: labels are only made for snapshots on this grid.
SNAPSHOT_STEP_DAYS = 28
SNAPSHOTS_AT_MOST = 6
MIN_HISTORY_DAYS = 56


@dataclass(frozen=True)
class SnapshotPlan:
    """The snapshots that a training run reads.

    Attributes
    ----------
    trained_as_of : date
        The day whose evening the model stands on; nothing later is known.
    horizon_days : int
        Days after a snapshot in which a paid order means "not churned".
    test : date or None
        Snapshot on which candidates are compared out of time; None if history is too short.
    training : tuple of date
        Snapshots that candidates learn from before that comparison, newest first. Every one of their labels
        was complete on the evening of `test`.
    production : tuple of date
        Snapshots that the model in use learns from, newest first. Every label is complete at `trained_as_of`.
    reason : str
        Empty when everything is there, else a sentence on what the history is too short for.
    """

    trained_as_of: date
    horizon_days: int
    test: date | None
    training: tuple[date, ...]
    production: tuple[date, ...]
    reason: str = ""

    @property
    def snapshots(self) -> list[date]:
        """Every snapshot that training reads, in order of time."""
        return sorted({*self.training, *self.production, *([self.test] if self.test else [])})


def training_date(as_of_date: date) -> date:
    """Return the last Sunday on or before a day: the grid on which models are trained.

    Examples
    --------
    >>> training_date(date(2011, 9, 9))
    datetime.date(2011, 9, 4)
    >>> training_date(date(2011, 9, 4))
    datetime.date(2011, 9, 4)
    """
    return as_of_date - timedelta(days=(as_of_date.weekday() + 1) % 7)


def plan_snapshots(
    trained_as_of: date,
    horizon_days: int,
    first_data_day: date,
    *,
    step_days: int = SNAPSHOT_STEP_DAYS,
    at_most: int = SNAPSHOTS_AT_MOST,
    min_history_days: int = MIN_HISTORY_DAYS,
) -> SnapshotPlan:
    """Choose the snapshots to train and test on, so that no label is read before it is complete.

    The test snapshot T - H is the newest whose label is complete at T. Candidates compared on it may only
    learn from labels that were complete on that day: snapshots T - 2H and earlier. The model in use learns
    from T - H and earlier.

    Parameters
    ----------
    trained_as_of : date
        T, the day whose evening the model stands on.
    horizon_days : int
        H, the label's window.
    first_data_day : date
        The first day with data.
    step_days : int
        Days between snapshots.
    at_most : int
        Largest number of snapshots to learn from.
    min_history_days : int
        Days of data that a snapshot needs up to its own evening.

    Returns
    -------
    SnapshotPlan

    Examples
    --------
    >>> plan = plan_snapshots(date(2011, 9, 4), 90, date(2010, 12, 1))
    >>> plan.test, [day.isoformat() for day in plan.training]
    (datetime.date(2011, 6, 6), ['2011-03-08', '2011-02-08'])
    """
    horizon = timedelta(days=horizon_days)

    def back_from(newest: date) -> tuple[date, ...]:
        days = (newest - timedelta(days=step_days * number) for number in range(at_most))
        return tuple(day for day in days if (day - first_data_day).days + 1 >= min_history_days)

    newest = trained_as_of - horizon
    production = back_from(newest)
    training = back_from(newest - horizon) if production else ()
    days_of_data = (trained_as_of - first_data_day).days + 1
    reason = ""
    if not production:
        reason = (
            f"{days_of_data} days of data by {trained_as_of} are too few to learn from: a label takes "
            f"{horizon_days} days to complete and a snapshot needs {min_history_days} days before it."
        )
    elif not training:
        reason = (
            f"{days_of_data} days of data by {trained_as_of} are too few for a comparison out of time "
            f"({2 * horizon_days + min_history_days} are needed): candidates are compared on other users."
        )
    return SnapshotPlan(
        trained_as_of, horizon_days, production[0] if training else None, training, production, reason
    )


def snapshots_needed(trained_as_of: date, horizon_days: int, first_data_day: date) -> list[date]:
    """Return the snapshots that training on a day reads, in order of time; empty if history is too short."""
    return plan_snapshots(trained_as_of, horizon_days, first_data_day).snapshots

"""What a refresh stands on: the list that readers have, and the deliveries that came after it."""

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from warehouse.errors import DamagedFile
from warehouse.ledger import Delivery, Ledger
from warehouse.publish import PUBLISHED_TABLES, Manifest, read_manifest
from warehouse.publish.pointer import daily_snapshot
from warehouse.settings import Settings

REFRESH = "refresh"
# What makes a day: while one of these is under way, the day's own list comes first.
DAILY_KINDS = ("ingest", "features", "score")
# A run that says for longer that it is running was killed, and nobody could write that down.
GIVEN_UP_AFTER = timedelta(hours=6)
RUNS_READ = 50


class NotNow(Exception):
    """A round has nothing to do, or must not do it now; the message says why. No failure."""


@dataclass(frozen=True)
class Ground:
    """What a refresh stands on.

    Attributes
    ----------
    base : Manifest
        The daily list that readers have, or that their intraday snapshot derives from.
    folder : Path
        Its snapshot.
    deliveries : tuple of Delivery
        Accepted, and known after the list's day; in the order in which they were taken.
    """

    base: Manifest
    folder: Path
    deliveries: tuple[Delivery, ...]

    @property
    def refresh_day(self) -> date:
        """The newest day on which anything is known: touched users are described at its end."""
        return max((one.known_on for one in self.deliveries), default=self.base.as_of_date)

    @property
    def newest_delivery(self) -> int:
        """The number of the newest delivery; -1 where there is none."""
        return max((one.delivery_number for one in self.deliveries), default=-1)


def find_ground(settings: Settings, ledger: Ledger) -> Ground:
    """Return what a refresh stands on now.

    Raises
    ------
    NotNow
        If nothing is published, or the day's own run is under way or has not published yet.
    """
    try:
        folder = daily_snapshot(settings)
        base = read_manifest(folder)
    except DamagedFile as reason:
        raise NotNow(f"there is no list to refresh: {reason}") from reason
    if base.source != settings.source:
        raise NotNow(f"readers have the list of {base.source}, not of {settings.source}")
    lacks = sorted({table.name for table in PUBLISHED_TABLES} - set(base.tables))
    if lacks:
        raise NotNow(
            f"the list of {base.as_of_date} is of an earlier version and lacks {', '.join(lacks)}; "
            f"the next daily list will do, or `make run AS_OF={base.as_of_date}`"
        )
    refuse_while_a_day_is_made(ledger, base)
    return Ground(base, folder, tuple(_since(ledger, base)))


def refuse_while_a_day_is_made(ledger: Ledger, base: Manifest) -> None:
    """Make sure that no daily run is between two steps.

    Rows that are taken while a day is being built would be known on another day than without the refresh.

    Raises
    ------
    NotNow
        Naming the run, or the day that is built and not published.
    """
    begun = ledger.clock() - GIVEN_UP_AFTER
    for run in ledger.recent_runs(base.source, RUNS_READ, leaving_out=(REFRESH,)):
        if run.kind in DAILY_KINDS and run.status == "running" and run.started_at > begun:
            raise NotNow(
                f"run {run.run_id} ({run.kind}, {run.as_of_date}) is under way: its list comes first"
            )
    built = ledger.newest_built_day(base.source)
    if built is not None and built > base.as_of_date:
        raise NotNow(
            f"{built} is built and not published, and readers have {base.as_of_date}: "
            "the daily list comes first (make status says what stops it)"
        )


def _since(ledger: Ledger, base: Manifest) -> list[Delivery]:
    accepted = ledger.deliveries(base.source, status="accepted")
    late = [one for one in accepted if one.known_on > base.as_of_date]
    return sorted(late, key=lambda one: one.delivery_number)

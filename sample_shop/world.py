"""What makes one simulated world: how many users, which seed, which days."""

import datetime as dt
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from sample_shop.chance import Ints

FORMATS = ("mixed", "csv", "parquet", "jsonl")
# sign-ups: a wave at the launch, then a steady flow that goes on after the named days
LAUNCH_SHARE = 0.15
LAUNCH_DAYS = 45


class ShopError(ValueError):
    """The simulated shop was asked for something that cannot be; the message says what to do."""


@dataclass(frozen=True)
class World:
    """A simulated shop; two equal worlds are equal to the byte.

    Attributes
    ----------
    users : int
        Users who sign up in the first ``days`` days; afterwards the flow goes on at the same pace.
    seed : int
        The seed of everything.
    first_day : datetime.date
        The day the shop opens and the first delivery.
    days : int
        The span over which ``users`` sign up.
    dirty_rate : float
        Share of rows that get a fault.
    file_format : str
        mixed, csv, parquet or jsonl.
    own_campaigns : int, optional
        How many of its own fortnightly campaigns the shop starts; None: it never stops.
    """

    users: int
    seed: int
    first_day: dt.date
    days: int
    dirty_rate: float = 0.002
    file_format: str = "mixed"
    own_campaigns: int | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.users <= 5_000_000:
            raise ShopError(f"--users must be between 1 and 5000000. Found: {self.users}.")
        if not 1 <= self.days <= 3650:
            raise ShopError(f"--days must be between 1 and 3650. Found: {self.days}.")
        if not 0.0 <= self.dirty_rate <= 0.5:
            raise ShopError(f"--dirty-rate must be between 0 and 0.5. Found: {self.dirty_rate}.")
        if self.file_format not in FORMATS:
            raise ShopError(f"--format must be one of {', '.join(FORMATS)}. Found: {self.file_format!r}.")
        if self.own_campaigns is not None and self.own_campaigns < 0:
            raise ShopError(f"--own-campaigns must not be negative. Found: {self.own_campaigns}.")

    def date(self, day: int) -> dt.date:
        """Return the calendar date of a day number (0 is the first day)."""
        return self.first_day + dt.timedelta(days=int(day))

    def day(self, date: dt.date) -> int:
        """Return the day number of a calendar date."""
        return (date - self.first_day).days

    def signed_up_through(self, day: int) -> int:
        """Count the users who have signed up by the end of a day."""
        return int(self._signed_up(day)[-1])

    def signup_days(self, start: int, stop: int, through: int) -> Ints:
        """Return the sign-up days of users number ``start``..``stop``-1, ascending.

        Users are numbered by sign-up; those who come after day ``through`` are left out.
        """
        signed_up = self._signed_up(through)
        numbers = np.arange(start, max(start, min(stop, int(signed_up[-1]))))
        return np.searchsorted(signed_up, numbers, side="right").astype(np.int64)

    def _signed_up(self, through: int) -> Ints:
        """Count sign-ups by the end of each day: LAUNCH_SHARE in the launch, the rest at a steady pace."""
        elapsed = np.arange(1, through + 2, dtype=np.float64)
        launch = np.minimum(elapsed / min(LAUNCH_DAYS, self.days), 1.0)
        curve = LAUNCH_SHARE * launch + (1 - LAUNCH_SHARE) * elapsed / self.days
        return np.floor(curve * self.users + 0.5).astype(np.int64)

    def save(self, path: Path) -> None:
        """Write the world's definition as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        content = asdict(self) | {"first_day": self.first_day.isoformat()}
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "World":
        """Read a definition that ``save`` wrote."""
        content = json.loads(path.read_text(encoding="utf-8"))
        return cls(**(content | {"first_day": dt.date.fromisoformat(content["first_day"])}))

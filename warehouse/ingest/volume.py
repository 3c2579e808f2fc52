"""Whether a day's rows are about as many as usual."""

from bisect import insort
from dataclasses import dataclass, field
from datetime import date
from statistics import median

from warehouse.sources import Table

TRAILING = 28
SAME_WEEKDAY = 8
ENOUGH_WEEKDAYS = 4


@dataclass
class VolumeHistory:
    """Rows received per table and day in accepted deliveries."""

    days: dict[str, list[date]] = field(default_factory=dict)
    rows: dict[tuple[str, date], int] = field(default_factory=dict)

    def add(self, table: str, day: date, rows: int) -> None:
        """Add rows to a table's day."""
        if (table, day) not in self.rows:
            insort(self.days.setdefault(table, []), day)
        self.rows[table, day] = self.rows.get((table, day), 0) + rows

    def copy(self) -> "VolumeHistory":
        """Return a copy that can be added to without changing this one."""
        return VolumeHistory({table: list(days) for table, days in self.days.items()}, dict(self.rows))

    def usual(self, table: str, day: date) -> tuple[float, int] | None:
        """Return the median rows of comparable earlier days, and how many earlier days are known.

        The last eight of the same weekday where at least four are known, else the last 28 of any.
        """
        earlier = [one for one in self.days.get(table, []) if one < day]
        if not earlier:
            return None
        alike = [one for one in earlier if one.weekday() == day.weekday()][-SAME_WEEKDAY:]
        compared = alike if len(alike) >= ENOUGH_WEEKDAYS else earlier[-TRAILING:]
        return median(self.rows[table, one] for one in compared), len(earlier)


def volume_refusal(history: VolumeHistory, table: Table, day: date, rows: int) -> str | None:
    """Return why a table's rows are too far from the usual number, or None.

    `rows` is the day's total so far with this delivery in it.
    """
    found = history.usual(table.name, day)
    total = history.rows.get((table.name, day), 0) + rows
    if found is None or found[1] < table.volume.early_minimum_deliveries:
        return None if total else _nothing_delivered(table, day)
    usual, known = found
    limits = table.volume
    if usual < limits.minimum_usual_rows:
        # a handful of rows says nothing: none at all may be chance
        return None
    if known >= limits.minimum_deliveries:
        lowest, highest = limits.lowest_ratio, limits.highest_ratio
    else:
        lowest, highest = limits.early_lowest_ratio, limits.early_highest_ratio
    if usual * lowest <= total <= usual * highest:
        return None
    return (
        f"{table.name} of {day} has {total:,} rows; usual are {usual:,.0f}, allowed {usual * lowest:,.0f} to "
        f"{usual * highest:,.0f}. To do: deliver the whole day; if the number is right, widen "
        "`volume` in the declaration"
    )


def _nothing_delivered(table: Table, day: date) -> str:
    return (
        f"{table.name} of {day} has a header and no row that is new, and the table is required every day. "
        "To do: deliver the rows, or declare `required: false`"
    )

"""What the suites need to know about the shop, the days and the tables."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from expectations import thresholds

NUMERIC_TYPES = ("DOUBLE", "FLOAT", "REAL", "DECIMAL", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")


@dataclass(frozen=True)
class RawTable:
    """One raw table as its source declares it.

    Attributes
    ----------
    name : str
        Schema and name in the build file.
    columns : mapping of str to str
        Declared columns and their type words: id, text, integer, decimal, timestamp, date, boolean.
    event_time : str, optional
        The column that says when a row's event happened.
    is_required : bool
        Whether the shop must deliver the table at all.
    volume_ratio : tuple of float
        Least and most rows of a delivery day, as multiples of the usual number.
    references : mapping of str to (str, str)
        Columns whose value must be found in another raw table's column.
    """

    name: str
    columns: Mapping[str, str]
    event_time: str | None = None
    is_required: bool = True
    volume_ratio: tuple[float, float] = (0.1, 10.0)
    references: Mapping[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Facts:
    """The shop, the days being run, and the columns that the build file has.

    Attributes
    ----------
    as_of_dates : tuple of date
        The days being run, ascending.
    judged_from : date, optional
        Deliveries known on or after this day are judged; None judges all of them.
    empty_features : frozenset of str
        Features that are NULL on purpose: the shop lacks the table that they are made from.
    history_until : date, optional
        The day of the newest load of history: its rows come from many days, and how many of each
        day there are was never agreed.
    unit_features : frozenset of str
        Features that are counts, amounts or times: a changed unit shows in their size.
    shop_driven_features : frozenset of str
        Features that the shop's own campaigns move, for everybody and from one day to the next.
    columns : mapping of str to mapping of str to str
        Tables of the build file (``schema.name``), with columns and DuckDB types.
    """

    source: str
    time_zone: str
    currency: str
    as_of_dates: tuple[date, ...]
    judged_from: date | None
    empty_features: frozenset[str]
    unit_features: frozenset[str]
    shop_driven_features: frozenset[str]
    freshness_days: int
    raw_tables: tuple[RawTable, ...]
    columns: Mapping[str, Mapping[str, str]]
    history_until: date | None = None

    @property
    def last_day(self) -> date:
        """The newest day being run."""
        return self.as_of_dates[-1]

    @property
    def days_sql(self) -> str:
        """The days being run, as an SQL list."""
        return ", ".join(f"date '{day}'" for day in self.as_of_dates)

    @property
    def judged_sql(self) -> str:
        """The first delivery day that is judged, as SQL."""
        return f"date '{self.judged_from or date(1, 1, 1)}'"

    @property
    def history_sql(self) -> str:
        """The last day whose volume is not judged, as SQL."""
        return f"date '{self.history_until or date(1, 1, 1)}'"

    def numeric_columns(self, table: str) -> list[str]:
        """Columns of a table that hold numbers."""
        return [name for name, kind in self.columns[table].items() if kind.split("(")[0] in NUMERIC_TYPES]


def judged_from(first_day: date, newest_built: date | None) -> date | None:
    """Return the first delivery day to judge: all of them at first, later the newest ones again."""
    if newest_built is None:
        return None
    start = min(first_day, newest_built).toordinal() - thresholds.JUDGED_AGAIN_DAYS
    return date.fromordinal(start)

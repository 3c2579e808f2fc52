"""What a source declaration says, as frozen records."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from warehouse.errors import ContractBreach


@dataclass(frozen=True)
class Column:
    """One declared column: its name as delivered, its type, and what its values may be."""

    name: str
    type: str
    required: bool = False
    formats: tuple[str, ...] = ()
    time_zone: str = "UTC"
    minimum: str | None = None
    maximum: str | None = None
    earliest: str | None = None
    latest: str | None = None
    may_be_future: bool = False
    strip_suffix: str = ""
    thousands_separator: str = ""
    decimal_separator: str = "."
    scale: int = 4
    round: bool = False
    maximum_length: int = 100_000
    null_values: tuple[str, ...] = ("",)
    true_values: tuple[str, ...] = ("true", "t", "yes", "1")
    false_values: tuple[str, ...] = ("false", "f", "no", "0")


@dataclass(frozen=True)
class Reference:
    """A column whose value must be found in another table, or be empty.

    A row without its parent is quarantined, or with ``keep`` accepted and counted.
    """

    column: str
    table: str
    parent_column: str
    keep: bool = False


@dataclass(frozen=True)
class Volume:
    """How far the rows of one day may lie from the usual number."""

    minimum_deliveries: int = 14
    lowest_ratio: float = 0.1
    highest_ratio: float = 10.0
    early_minimum_deliveries: int = 5
    early_lowest_ratio: float = 0.02
    early_highest_ratio: float = 50.0
    minimum_usual_rows: int = 20


@dataclass(frozen=True)
class Table:
    """One declared table: which files bring it, what its columns are, what is known of its rows."""

    name: str
    identifier: str
    columns: tuple[Column, ...]
    files: tuple[str, ...]
    schema: str = "raw"
    required: bool = False
    key: tuple[str, ...] = ()
    event_time: str | None = None
    delimiter: str = ","
    quote: str = '"'
    encoding: str = "utf-8"
    text_columns_with_newlines: tuple[str, ...] = ()
    references: tuple[Reference, ...] = ()
    money: str | None = None
    late_days_allowed: int | None = 45
    volume: Volume = field(default_factory=Volume)
    relation: str | None = None
    query: str | None = None
    cursor_column: str | None = None

    @property
    def redacted(self) -> bool:
        """Whether the table holds direct identifiers: it goes to the vault, quarantine shows no values."""
        return self.schema == "vault"

    @property
    def column_names(self) -> tuple[str, ...]:
        """Return the declared names in declared order."""
        return tuple(column.name for column in self.columns)

    def matches(self, file_name: str) -> bool:
        """Say whether a file of this name belongs to the table."""
        return any(fnmatchcase(file_name, pattern) for pattern in self.files)


@dataclass(frozen=True)
class Source:
    """A shop's declaration."""

    name: str
    path: Path
    tables: tuple[Table, ...]
    time_zone: str
    currency: str
    kind: str = "files"
    url_variable: str | None = None
    flood_share: float = 0.2
    flood_minimum_rows: int = 50
    freshness_days: int = 7
    absent: tuple[str, ...] = ()
    meta: Mapping[str, Any] = field(default_factory=dict)

    def table(self, name: str) -> Table:
        """Return a declared table by name."""
        return next(table for table in self.tables if table.name == name)

    @property
    def parents_first(self) -> tuple[Table, ...]:
        """Return the tables so that every referenced table comes before those that refer to it."""
        done: list[Table] = []
        waiting = list(self.tables)
        while waiting:
            known = {table.name for table in done}
            ready = [t for t in waiting if {r.table for r in t.references} <= known]
            if not ready:
                raise ContractBreach(
                    f"The references of {self.path} go round in a circle",
                    sorted(table.name for table in waiting),
                    "drop one of the `references`",
                )
            done += ready
            waiting = [table for table in waiting if table not in ready]
        return tuple(done)

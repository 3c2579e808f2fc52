"""Reading tables that a snapshot may not have: it may be older than they are, or of a shop without them."""

from collections.abc import Mapping
from typing import Any

from serving.snapshots import Snapshot

Row = Mapping[str, Any]


def is_published(snapshot: Snapshot, table: str, columns: str = "") -> bool:
    """Tell whether a snapshot has a table with these columns, which are given separated by blanks."""
    facts = snapshot.manifest.tables.get(table)
    return facts is not None and set(columns.split()) <= {column.name for column in facts.columns}


def rows_of(
    snapshot: Snapshot, table: str, columns: str, tail: str = "", parameters: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """Return columns of a published table; no rows where the snapshot has no such table.

    Parameters
    ----------
    snapshot : Snapshot
        The run that is shown.
    table : str
        A published table.
    columns : str
        Its columns that are wanted, separated by blanks.
    tail : str
        What follows in SQL: where, order by, limit; written in this package, values as ``$name``.
    parameters : mapping, optional
        The values.
    """
    if not is_published(snapshot, table, columns):
        return []
    return snapshot.rows(f"select {', '.join(columns.split())} from {table} {tail}", parameters or {})

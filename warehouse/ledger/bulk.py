"""Many rows at once: insert what is new, look up by many keys; both databases, inside one transaction."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import Connection

# Rows per statement: far below what either database takes, enough that statements cost nothing.
CHUNK_ROWS = 5_000

Item = TypeVar("Item")


def in_chunks(items: Sequence[Item], size: int = CHUNK_ROWS) -> Iterator[Sequence[Item]]:
    """Yield parts of a sequence, in order."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def insert_new(connection: Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert the rows whose keys are free and leave the others as they stand.

    Parameters
    ----------
    connection : Connection
        An open transaction that writes; nothing is committed here.
    table : sqlalchemy.Table
        Where to.
    rows : sequence of mapping
        Each with every column of the table.

    Returns
    -------
    int
        How many were new.
    """
    if not rows:
        return 0
    if connection.dialect.name == "sqlite":
        statement = sqlite.insert(table).on_conflict_do_nothing()
        parts = in_chunks(rows)
        return sum(max(connection.execute(statement, list(part)).rowcount, 0) for part in parts)
    return _copied(connection, table, rows)


def _copied(connection: Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> int:
    """Hand the rows to PostgreSQL in one stream, then insert what is new of them."""
    names = [column.name for column in table.columns]
    listed, incoming = ", ".join(names), f"incoming_{table.name}"
    driver = connection.connection.driver_connection
    if driver is None:
        raise RuntimeError("the connection was closed inside its own transaction")
    with driver.cursor() as cursor:
        cursor.execute(f"create temporary table if not exists {incoming} (like {table.name}) on commit drop")
        cursor.execute(f"truncate {incoming}")
        with cursor.copy(f"copy {incoming} ({listed}) from stdin") as copy:
            for row in rows:
                copy.write_row([row[name] for name in names])
        cursor.execute(
            f"insert into {table.name} ({listed}) select {listed} from {incoming} on conflict do nothing"
        )
        return int(cursor.rowcount)


def rows_by_key(
    connection: Connection, statement: sa.Select[Any], key: sa.ColumnElement[Any], keys: Sequence[str]
) -> Iterator[sa.Row[Any]]:
    """Yield the rows of a query whose key is one of many."""
    for part in in_chunks(keys):
        yield from connection.execute(statement.where(key.in_(part)))

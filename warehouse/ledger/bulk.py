"""Many rows at once: insert what is new, look up by many keys; both databases, inside one transaction."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
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
        return _inserted(connection, table, rows)
    return _copied(connection, table, rows)


def _inserted(connection: Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> int:
    """Hand the rows to SQLite's own driver: SQLAlchemy's care of every value costs ten times the insert."""
    names = [column.name for column in table.columns]
    places = ", ".join("?" for _ in names)
    statement = f"insert into {table.name} ({', '.join(names)}) values ({places}) on conflict do nothing"
    stored = [_Stored(column, connection) for column in table.columns]
    new = 0
    for part in in_chunks(rows):
        values = [tuple([one(row[one.name]) for one in stored]) for row in part]
        new += max(connection.exec_driver_sql(statement, values).rowcount, 0)
    return new


class _Stored:
    """How a column's values are stored; days and moments repeat, so what was converted once is kept."""

    def __init__(self, column: sa.Column[Any], connection: Connection) -> None:
        self.name = column.name
        dialect = connection.dialect
        self._process = column.type.dialect_impl(dialect).bind_processor(dialect)
        self._known: dict[Any, Any] = {}

    def __call__(self, value: Any) -> Any:
        if self._process is None or value is None:
            return value
        found = self._known.get(value)
        if found is None:
            found = self._known[value] = self._process(value)
        return found


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
    """Yield the rows of a query whose key is one of many; the keys travel as one value."""
    for part in in_chunks(keys):
        if connection.dialect.name == "sqlite":
            listed = sa.func.json_each(json.dumps(list(part))).table_valued("value")
            condition: sa.ColumnElement[bool] = key.in_(sa.select(listed.c.value))
        else:
            condition = key == sa.func.any(sa.literal(list(part), postgresql.ARRAY(sa.Text)))
        yield from connection.execute(statement.where(condition))

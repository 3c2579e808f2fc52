"""Reverse ETL: the audience as a table of the shop's own PostgreSQL, where its tools look.

Each write is one transaction: a reader sees the audience of before, or that of after. Names of columns come
from a fixed list and the table's from a checked setting; every value is copied, never put into SQL.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql

from campaigns.lists.entries import COLUMNS, Entry
from campaigns.lists.settings import TableSettings
from warehouse.errors import Busy, ContractBreach
from warehouse.ledger import Run

CONNECT_SECONDS = 10
STATEMENT_SECONDS = 300
SQL_TYPES = {"text": "text", "date": "date", "number": "double precision", "whole number": "integer"}
KEY = ("source", "campaign_id", "user_id")
TYPES = {
    "source": "text",
    **{name: SQL_TYPES[kind] for name, (kind, _) in COLUMNS.items()},
    "written_at": "timestamptz",
}


class ReverseTable:
    """Writes the table.

    Parameters
    ----------
    settings : TableSettings
        Which one, and how.
    allow_shrink : bool
        Whether a person said that a mirror may lose as many rows as it likes.
    """

    channel = "table"

    def __init__(self, settings: TableSettings, *, allow_shrink: bool = False) -> None:
        self._settings = settings
        self._allow_shrink = allow_shrink
        named = [settings.schema, settings.table] if settings.schema else [settings.table]
        self._table = sql.Identifier(*named)

    @property
    def name(self) -> str:
        """The table, for people."""
        return ".".join(part for part in (self._settings.schema, self._settings.table) if part)

    def handed_over(self, run: Run, message_ids: Collection[str]) -> set[str]:
        """Return those messages that stand in the table already."""
        named = sql.SQL("select message_id from {} where source = %s and message_id = any(%s)")
        with self._transaction() as cursor:
            self._make(cursor)
            cursor.execute(named.format(self._table), [run.source, list(message_ids)])
            return {row[0] for row in cursor}

    def user_ids(self, run: Run) -> list[str]:
        """Return the users who stand in the table."""
        with self._transaction() as cursor:
            self._make(cursor)
            named = sql.SQL("select distinct user_id from {} where source = %s").format(self._table)
            return [row[0] for row in cursor.execute(named, [run.source])]

    def write(self, run: Run, entries: Sequence[Entry], left_alone: Collection[str], *, now: datetime) -> str:
        """Write the audience of the day, and take out whoever must be left alone since.

        Parameters
        ----------
        run : Run
            The run that writes.
        entries : sequence of Entry
            The audience of all campaigns of the day; one per campaign and user.
        left_alone : collection of str
            Users who must not be contacted any more: their rows go, whatever the mode.
        now : datetime
            Written beside each row that is new or changed.

        Raises
        ------
        ContractBreach
            If a mirror would lose more rows than it may; nothing was changed. If the table is not as we
            made it.
        Busy
            If the database cannot be reached, or does not answer in time.
        """
        with self._transaction() as cursor:
            self._make(cursor)
            cursor.execute(sql.SQL("lock table {} in share row exclusive mode").format(self._table))
            self._stage(cursor, run, entries, left_alone, now)
            if self._settings.mode == "mirror":
                self._check_shrink(cursor, run, len(entries))
                self._execute(cursor, MIRROR, run)
            self._execute(cursor, LEFT_ALONE, run)
            self._execute(cursor, UPSERT)
        return f"table {self.name}: {len(entries):,} rows ({self._settings.mode})"

    def take_out(self, run: Run, user_ids: Collection[str]) -> None:
        """Take users out who must be left alone; nothing else changes."""
        if user_ids:
            named = sql.SQL("delete from {} where source = %s and user_id = any(%s)").format(self._table)
            with self._transaction() as cursor:
                cursor.execute(named, [run.source, list(user_ids)])

    @contextmanager
    def _transaction(self) -> Iterator[psycopg.Cursor[Any]]:
        """Open one transaction; errors say what to do and never repeat the URL or a row."""
        try:
            with (
                psycopg.connect(
                    self._settings.url,
                    connect_timeout=CONNECT_SECONDS,
                    options=f"-c statement_timeout={STATEMENT_SECONDS * 1000} -c lock_timeout=30000",
                ) as connection,
                connection.cursor() as cursor,
            ):
                yield cursor
        except psycopg.OperationalError as error:
            raise Busy(
                f"The database of HOLDFAST_REVERSE_ETL_URL failed, perhaps before {self.name} was written",
                type(error).__name__,
                "check that it runs, and the URL's user, password and host; then write the lists again",
            ) from None
        except psycopg.Error as error:
            raise ContractBreach(
                f"The table {self.name} cannot be written; nothing of it was changed",
                f"{type(error).__name__} {error.sqlstate or ''}".strip(),
                "check the user's rights; or move a table away that is not as we make it",
            ) from None

    def _make(self, cursor: psycopg.Cursor[Any]) -> None:
        """Make the table if it is not there, with a comment on every column."""
        cursor.execute("select to_regclass(%s)", [self._table.as_string(cursor)])
        found = cursor.fetchone()
        if found is not None and found[0] is not None:
            return
        columns = sql.SQL(", ").join(
            sql.SQL("{} {}{}").format(
                sql.Identifier(name), sql.SQL(type_), sql.SQL(" not null" if name in KEY else "")
            )
            for name, type_ in TYPES.items()
        )
        key = sql.SQL(", ").join(map(sql.Identifier, KEY))
        cursor.execute(
            sql.SQL("create table if not exists {} ({}, primary key ({}))").format(self._table, columns, key)
        )
        for name, (_, meaning) in COLUMNS.items():
            cursor.execute(
                sql.SQL("comment on column {}.{} is {}").format(self._table, sql.Identifier(name), meaning)
            )

    def _stage(
        self,
        cursor: psycopg.Cursor[Any],
        run: Run,
        entries: Sequence[Entry],
        left_alone: Collection[str],
        now: datetime,
    ) -> None:
        """Copy the audience and the users to be left alone into tables that go with the transaction."""
        columns = sql.SQL(", ").join(
            sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(type_)) for name, type_ in TYPES.items()
        )
        cursor.execute(sql.SQL("create temporary table incoming ({}) on commit drop").format(columns))
        cursor.execute("create temporary table left_alone (user_id text) on commit drop")
        with cursor.copy("copy incoming from stdin") as copy:
            for entry in entries:
                copy.write_row([run.source, *entry.row().values(), now])
        with cursor.copy("copy left_alone from stdin") as copy:
            for user_id in left_alone:
                copy.write_row([user_id])

    def _check_shrink(self, cursor: psycopg.Cursor[Any], run: Run, after: int) -> None:
        cursor.execute(sql.SQL("select count(*) from {} where source = %s").format(self._table), [run.source])
        ((before,),) = cursor.fetchall()
        keeps_enough = after > 0 and after >= before * (1 - self._settings.most_shrink)
        if self._allow_shrink or not before or keeps_enough:
            return
        raise ContractBreach(
            f"The mirror {self.name} would shrink from {before:,} rows to {after:,}; nothing was changed",
            after,
            f"if that is right: python -m campaigns.lists --run {run.run_id} --allow-shrink",
        )

    def _execute(self, cursor: psycopg.Cursor[Any], statement: str, *of: Run) -> None:
        names = [sql.Identifier(name) for name in TYPES]
        others = [name for name in TYPES if name not in KEY]
        cursor.execute(
            sql.SQL(statement).format(
                table=self._table,
                names=sql.SQL(", ").join(names),
                key=sql.SQL(", ").join(map(sql.Identifier, KEY)),
                values=sql.SQL(", ").join(
                    sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name)) for name in others
                ),
                stands=_rows(sql.Identifier("standing"), others),
                comes=_rows(sql.Identifier("excluded"), others),
            ),
            [run.source for run in of],
        )


def _rows(table: sql.Composable, names: Sequence[str]) -> sql.Composed:
    """Return `(table.a, table.b, …)` of everything but the moment of writing."""
    listed = (sql.SQL("{}.{}").format(table, sql.Identifier(name)) for name in names if name != "written_at")
    return sql.SQL("({})").format(sql.SQL(", ").join(listed))


MIRROR = """
    delete from {table} as standing
    where source = %s and not exists (
        select 1 from incoming
        where incoming.campaign_id = standing.campaign_id and incoming.user_id = standing.user_id
    )
"""
LEFT_ALONE = "delete from {table} where source = %s and user_id in (select user_id from left_alone)"
UPSERT = """
    insert into {table} as standing ({names})
    select {names} from incoming
    on conflict ({key}) do update set {values}
    where {stands} is distinct from {comes}
"""

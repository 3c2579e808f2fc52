"""Opening the ledger's database: one engine, safe settings, the newest schema."""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine, make_url
from sqlalchemy.pool import NullPool

from warehouse.errors import Busy, SettingsError
from warehouse.ledger.records import Clock, LedgerError, utc_now
from warehouse.ledger.tables import HEAD, counters

MIGRATIONS = Path(__file__).parent / "migrations"
WAIT_SECONDS = 30
# Any constant will do, as long as every process that migrates uses the same.
MIGRATION_LOCK_KEY = 4_173_270_001
NEXT_NUMBER = (
    counters.update()
    .where(counters.c.name == sa.bindparam("counter"))
    .values(value=counters.c.value + sa.bindparam("how_many"))
    .returning(counters.c.value)
)


def make_engine(url_text: str, *, keeps_connections: bool = False) -> Engine:
    """Return an engine for a ``sqlite:///`` or ``postgresql://`` URL, without connecting.

    A server that asks many times a second keeps its connections; a task opens one when it needs it, so that
    none is shared with a process that it is forked into.

    Raises
    ------
    SettingsError
        If the URL names another kind of database, or SQLite without a file.
    """
    try:
        url = make_url(url_text)
    except sa.exc.ArgumentError:
        # The text may hold a password: it is not repeated.
        raise SettingsError(
            "HOLDFAST_LEDGER_URL is not a database URL", None, "sqlite:////path/ledger.db or postgresql://…"
        ) from None
    pooling: dict[str, Any] = {"max_overflow": -1} if keeps_connections else {"poolclass": NullPool}
    if url.get_backend_name() == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
        return sa.create_engine(url, pool_pre_ping=keeps_connections, **pooling)
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        raise SettingsError(
            "HOLDFAST_LEDGER_URL must be a SQLite file or a PostgreSQL database",
            url.render_as_string(hide_password=True),
            "for instance sqlite:////path/ledger.db or postgresql://user@host/holdfast",
        )
    engine = sa.create_engine(url, connect_args={"timeout": WAIT_SECONDS}, **pooling)

    # Python's driver would begin transactions late and half-heartedly; the ledger begins its own.
    @sa.event.listens_for(engine, "connect")
    def set_up(driver_connection, _record) -> None:  # type: ignore[no-untyped-def]
        driver_connection.isolation_level = None
        driver_connection.execute(f"PRAGMA busy_timeout = {WAIT_SECONDS * 1000}")
        driver_connection.execute("PRAGMA synchronous = FULL")
        driver_connection.execute("PRAGMA foreign_keys = ON")

    @sa.event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("holdfast_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


class Store:
    """A migrated database, with read and write transactions. The ledger's books build on it.

    Parameters
    ----------
    url : str
        SQLAlchemy URL.
    clock : callable, optional
        Gives the current moment in UTC.
    keeps_connections : bool
        Whether connections stay open between two transactions.
    """

    def __init__(self, url: str, clock: Clock = utc_now, *, keeps_connections: bool = False) -> None:
        self.clock = clock
        self.engine = make_engine(url, keeps_connections=keeps_connections)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        self._migrate()

    def close(self) -> None:
        """Let go of every connection."""
        self.engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction that sees one consistent state."""
        with self._explained(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction that is durable once left, or undone whole."""
        with self._explained(), self.engine.connect() as plain:
            connection = plain.execution_options(holdfast_writes=True)
            with connection.begin():
                yield connection

    def next_number(self, connection: Connection, counter: str, how_many: int = 1) -> int:
        """Take the next numbers of a counter and return the last; two processes never get the same."""
        return int(connection.execute(NEXT_NUMBER, {"counter": counter, "how_many": how_many}).scalar_one())

    def insert_or_ignore(self, table: sa.Table, values: Mapping[str, object]) -> sa.Insert:
        """Insert a row unless its key is taken; the two databases spell it alike but apart."""
        insert = sqlite.insert(table) if self.is_sqlite else postgresql.insert(table)
        return insert.values(**values).on_conflict_do_nothing()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sa.exc.OperationalError as error:
            cause = str(error.orig).strip()
            if "database is locked" in cause:
                raise Busy("The ledger is being written by another process", cause, "try again") from error
            raise LedgerError(
                f"The ledger at {self.engine.url.render_as_string(hide_password=True)} failed; "
                "nothing of this step was recorded",
                cause,
                "check the disk or the database server, then run the step again",
            ) from error

    def _migrate(self) -> None:
        with self._explained():
            if self.is_sqlite:
                self._make_private_file()
            if self._is_at_head():
                return
            with self._migration_lock():
                if not self._is_at_head():
                    self._upgrade()

    def _is_at_head(self) -> bool:
        with self.engine.connect() as connection, connection.begin():
            if not sa.inspect(connection).has_table("alembic_version"):
                return False
            version = connection.exec_driver_sql("select version_num from alembic_version").scalar()
        if version is not None and version > HEAD:
            raise LedgerError(
                "The ledger was written by a newer Holdfast",
                version,
                f"upgrade Holdfast; this one knows {HEAD}",
            )
        return bool(version == HEAD)

    def _upgrade(self) -> None:
        from alembic import command
        from alembic.config import Config

        with self.engine.connect() as plain:
            connection = plain.execution_options(holdfast_writes=True)
            with connection.begin():
                config = Config()
                config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
                config.set_main_option("path_separator", "os")
                config.attributes["connection"] = connection
                command.upgrade(config, "head")

    @contextmanager
    def _migration_lock(self) -> Iterator[None]:
        if self.is_sqlite:
            lock_file = self._file.with_suffix(".migrating")
            with os.fdopen(os.open(lock_file, os.O_RDWR | os.O_CREAT, 0o600)) as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                with self.engine.connect() as connection:
                    # Kept by the file: later connections need not ask for it.
                    connection.connection.driver_connection.execute("PRAGMA journal_mode = WAL")  # type: ignore[union-attr]
                yield
            return
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.select(sa.func.pg_advisory_lock(MIGRATION_LOCK_KEY)))
            try:
                yield
            finally:
                connection.execute(sa.select(sa.func.pg_advisory_unlock(MIGRATION_LOCK_KEY)))

    @property
    def _file(self) -> Path:
        return Path(str(self.engine.url.database))

    def _make_private_file(self) -> None:
        """Create the file for its owner only; SQLite gives its side files the same mode."""
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o600)
        os.close(descriptor)

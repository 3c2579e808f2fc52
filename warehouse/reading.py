"""Opening published files for servers: read-only, sandboxed, and shared by many readers of one process."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from warehouse.errors import DamagedFile

# two that open one file share it, and its settings: the second must find all of them made
_OPENING = threading.Lock()
# Steps of DuckDB's planning that cost more than they save where a query meets a few hundred rows.
WORTH_MANY_ROWS = (
    # with it a prepared plan is right for the rows that it was made with, and for no others
    "statistics_propagation",
    "compressed_materialization",
    "join_filter_pushdown",
    "join_order",
    "build_side_probe_side",
    "late_materialization",
    "column_lifetime",
    "common_subexpressions",
    "common_subplan",
    "cte_inlining",
)


def open_published(path: Path, *, threads: int, memory_limit: str) -> duckdb.DuckDBPyConnection:
    """Open a published DuckDB file so that no SQL can reach anything but its tables.

    Nothing is written, no other file or address can be read, no extension is loaded, and no session can
    loosen that. Every cursor of the connection is in UTC. Nothing is spilled: a query that needs more
    memory than allowed fails instead of leaving users' rows on the disk.

    Parameters
    ----------
    path : Path
        A snapshot's file, named by its own folder and not through the pointer.
    threads : int
        Threads that all cursors of the connection share.
    memory_limit : str
        Memory that they share, as DuckDB spells it.

    Raises
    ------
    DamagedFile
        If the file is missing or cannot be opened.

    Notes
    -----
    DuckDB opens a file once per process: open it here or by `warehouse.connections`, not by both.
    """
    with _OPENING:
        try:
            connection = duckdb.connect(
                str(path),
                read_only=True,
                config={
                    "threads": threads,
                    "memory_limit": memory_limit,
                    "temp_directory": "",
                    "autoinstall_known_extensions": False,
                    "autoload_known_extensions": False,
                    "allow_persistent_secrets": False,
                    # else a table's name may mean a variable of whoever calls
                    "python_enable_replacements": False,
                },
            )
        except duckdb.Error as error:
            raise DamagedFile(
                f"{path} cannot be opened for reading",
                str(error),
                "go back to a good snapshot: `python -m warehouse rollback --run <run_id>`",
            ) from error
        _shut_in(connection)
    return connection


@contextmanager
def open_scratch(*, threads: int = 1, memory_limit: str = "1GB") -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database in memory that is gone when it is closed, and that can reach no file.

    It is meant for a few hundred rows: queries are planned quickly rather than well.

    Parameters
    ----------
    threads : int
        Threads that its queries may use.
    memory_limit : str
        As DuckDB spells it; nothing spills.
    """
    connection = duckdb.connect(
        ":memory:",
        config={
            "threads": threads,
            "memory_limit": memory_limit,
            "temp_directory": "",
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "python_enable_replacements": False,
        },
    )
    try:
        connection.execute(f"set disabled_optimizers = '{','.join(WORTH_MANY_ROWS)}'")
        _shut_in(connection)
        yield connection
    finally:
        connection.close()


def _shut_in(connection: duckdb.DuckDBPyConnection) -> None:
    # a file that this process has open already is opened once more with all of this, and it cannot be changed
    if connection.execute("select current_setting('lock_configuration')").fetchall() == [(True,)]:
        return
    # after the config, whose settings come in no order: it forbids to name a folder for spilling, even none
    connection.execute("set enable_external_access = false")
    # global, because every cursor is a session of its own; not part of the config, which ICU reads too late
    connection.execute("set global TimeZone = 'UTC'")
    connection.execute("set lock_configuration = true")

"""The only place where a DuckDB file is opened."""

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

import duckdb

from warehouse.errors import Busy, DamagedFile
from warehouse.settings import Settings

SCHEMAS = ("raw", "quarantine", "ml")
# Rows of a group in a published file: one user is looked up by reading one group, a fifteenth of the usual.
PUBLISHED_GROUP_ROWS = 8_192


def session_config(settings: Settings) -> dict[str, str | bool | int | float | list[str]]:
    """Return the DuckDB settings that every session of the pipeline uses."""
    return {
        "threads": settings.threads,
        "memory_limit": settings.memory_limit,
        "temp_directory": str(settings.spill),
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }


def _in_utc(connection: duckdb.DuckDBPyConnection) -> None:
    # not part of the config: the bundled ICU, which knows this setting, is loaded after it is read
    connection.execute("set TimeZone = 'UTC'")


@contextmanager
def writer_lock(settings: Settings) -> Iterator[None]:
    """Hold the one writer's lock of the build file; it goes with the process that holds it.

    Raises
    ------
    Busy
        If another process holds it; the message names that process.
    """
    settings.writer_lock.parent.mkdir(parents=True, exist_ok=True)
    with settings.writer_lock.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise Busy(
                f"The build file {settings.build_file} is already being written",
                lock.read().strip(),
                "wait for that process, or stop it; the lock goes with it",
            ) from None
        lock.truncate(0)
        lock.write(f"process {os.getpid()}")
        lock.flush()
        yield


@contextmanager
def open_build(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the build file for writing, as its only writer.

    Raises
    ------
    Busy
        If another process writes it.
    DamagedFile
        If DuckDB cannot open it; nothing is repaired silently.
    """
    with writer_lock(settings):
        shutil.rmtree(settings.spill, ignore_errors=True)
        try:
            connection = duckdb.connect(str(settings.build_file), config=session_config(settings))
        except duckdb.IOException as error:
            if "lock" in str(error).lower():
                raise Busy(
                    f"The build file {settings.build_file} is open elsewhere",
                    str(error),
                    "close the other process (dbt, a shell, a notebook)",
                ) from error
            raise DamagedFile(
                f"The build file {settings.build_file} cannot be opened",
                str(error),
                "run `python -m warehouse rebuild`: it is made anew from landing/",
            ) from error
        except (duckdb.Error, RuntimeError) as error:
            raise DamagedFile(
                f"The build file {settings.build_file} cannot be opened",
                str(error),
                "run `python -m warehouse rebuild`: it is made anew from landing/",
            ) from error
        try:
            _in_utc(connection)
            for schema in SCHEMAS:
                connection.execute(f"create schema if not exists {schema}")
            yield connection
        finally:
            connection.close()


@contextmanager
def open_read_only(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a finished DuckDB file for reading.

    Raises
    ------
    DamagedFile
        If the file is missing or cannot be opened.
    """
    try:
        connection = duckdb.connect(str(path), read_only=True)
    except duckdb.Error as error:
        raise DamagedFile(
            f"{path} cannot be opened for reading",
            str(error),
            "check the path; while a pipeline writes the build file, read published/current",
        ) from error
    try:
        _in_utc(connection)
        yield connection
    finally:
        connection.close()


def build_file_url(settings: Settings) -> str:
    """Return the SQLAlchemy URL that opens the build file read-only, for tools that open it themselves."""
    options = {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in session_config(settings).items()
    }
    return f"duckdb:///{settings.build_file}?{urlencode(options | {'access_mode': 'read_only'})}"


@contextmanager
def open_beside_build(
    settings: Settings, attached: Mapping[str, Path]
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database that is gone afterwards, as the one writer, with other files attached for writing.

    It stands in a file, so that more fits into it than into memory, and is the connection's own database,
    ``scratch``. Whoever needs the build file attaches it with `attach_read_only`.

    Raises
    ------
    Busy
        If another process writes the build file.
    DamagedFile
        If a file cannot be attached.
    """
    path = settings.build_file.with_name("scratch.duckdb")
    with writer_lock(settings):
        _remove(path)
        connection = duckdb.connect(str(path), config=session_config(settings))
        try:
            _in_utc(connection)
            for alias, file in attached.items():
                attach(connection, alias, file)
            yield connection
        finally:
            connection.close()
            _remove(path)


def attach_read_only(connection: duckdb.DuckDBPyConnection, alias: str, path: Path) -> None:
    """Attach a finished file for reading.

    Raises
    ------
    DamagedFile
        If it is missing, cannot be opened, or was left behind by a crash.
    """
    side_file = path.with_name(f"{path.name}.wal")
    if side_file.exists():
        raise DamagedFile(
            f"The last writer of {path} did not close it",
            side_file.name,
            "run the day again; if that fails, `python -m warehouse rebuild`",
        )
    attach(connection, alias, path, "(read_only)")


def attach(connection: duckdb.DuckDBPyConnection, alias: str, path: Path, options: str = "") -> None:
    """Attach a file; for writing unless told otherwise, so that what a killed writer left is taken over.

    Raises
    ------
    DamagedFile
        If it cannot be opened.
    """
    name = str(path).replace("'", "''")
    try:
        connection.execute(f"attach '{name}' as {alias} {options}")
    except duckdb.Error as error:
        raise DamagedFile(
            f"{path} cannot be opened", str(error), "close whatever holds it; docs/runbook.md#refresh_risk"
        ) from error


def _remove(path: Path) -> None:
    for leftover in (path, path.with_name(f"{path.name}.wal")):
        leftover.unlink(missing_ok=True)


@contextmanager
def open_new(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Create a small DuckDB file outside the line, and close it."""
    connection = duckdb.connect(str(path))
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def open_new_with_build(settings: Settings, path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Create a DuckDB file, with the build file attached read-only as ``build``.

    The writer's lock is held meanwhile, so the build file stands still. The new file is
    checkpointed and closed at the end; nothing stays in a side file.

    Raises
    ------
    Busy
        If another process writes the build file.
    DamagedFile
        If the build file is missing, cannot be opened, or was left behind by a crash.
    """
    side_file = settings.build_file.with_name(f"{settings.build_file.name}.wal")
    with writer_lock(settings):
        if side_file.exists():
            raise DamagedFile(
                f"The last writer of {settings.build_file} did not close it",
                side_file.name,
                "run the day again; if that fails, `python -m warehouse rebuild`",
            )
        connection = duckdb.connect(":memory:", config=session_config(settings))
        try:
            _in_utc(connection)
            new = str(path).replace("'", "''")
            connection.execute(f"attach '{new}' as {path.stem} (row_group_size {PUBLISHED_GROUP_ROWS})")
            connection.execute(f"use {path.stem}")
            try:
                build = str(settings.build_file).replace("'", "''")
                connection.execute(f"attach '{build}' as build (read_only)")
            except duckdb.Error as error:
                raise DamagedFile(
                    f"The build file {settings.build_file} cannot be opened for reading",
                    str(error),
                    "close whatever holds it; if it is damaged, `python -m warehouse rebuild`",
                ) from error
            yield connection
            connection.execute("detach build")
            connection.execute(f"checkpoint {path.stem}")
            connection.execute("use memory")
            connection.execute(f"detach {path.stem}")
        finally:
            connection.close()

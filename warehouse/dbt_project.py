"""Runs dbt: checked variables, one environment, one writer, errors that name the model.

By hand: ``python -m warehouse.dbt_project build --selector features --as-of 2011-09-09``.
"""

import argparse
import logging
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from warehouse.connections import writer_lock
from warehouse.errors import ContractBreach, HoldfastError, SettingsError
from warehouse.garbage import no_garbage_collection
from warehouse.settings import Settings
from warehouse.sources import Source, load_source

# The tables that staging models may deliver; columns and types: dbt_project/macros/contract.sql
CONTRACT_TABLES = (
    "users",
    "consents",
    "events",
    "orders",
    "order_items",
    "returns",
    "reviews",
    "support_messages",
    "products",
    "promotions",
    "campaign_touches",
    "coupons",
    "coupon_redemptions",
)
REQUIRED_TABLES = ("users", "orders")
RUN_ID = re.compile(r"[A-Za-z0-9_.-]{0,100}")
# what the project is read with; the other variables fill in SQL when a model is run
SHAPING = ("source", "time_zone", "currency", "absent_tables", "definition_id", "horizon_days")
# stands for a home's own limits where dbt only reads
UNLIMITED = {"HOLDFAST_SPILL": "/tmp", "HOLDFAST_THREADS": "2", "HOLDFAST_MEMORY_LIMIT": "4GB"}  # noqa: S108
# commands that neither read nor write the build file
OFFLINE = frozenset({"parse", "ls", "list", "deps", "clean"})
MESSAGES_AT_MOST = 5


def dbt_vars(
    settings: Settings,
    as_of_dates: Sequence[date | str] = (),
    *,
    source: Source | None = None,
    run_id: str = "",
    label_step_days: int | None = None,
) -> dict[str, str | int]:
    """Return the variables that dbt gets: this list and no other, every value checked.

    Parameters
    ----------
    settings : Settings
        Names the active source, the definition in force and its horizon.
    as_of_dates : sequence of date or str
        Days to build; for the selector `labels`, days on which labels are taken.
    source : Source, optional
        The source's declaration; read from the project if not given.
    run_id : str
        The ledger's run, written into the tables that are published.
    label_step_days : int, optional
        Days between the snapshots that get labels; 1 labels every stored snapshot.

    Returns
    -------
    dict
        Plain texts and numbers; dates as ``2011-09-09,2011-09-10``, sorted, each once.

    Raises
    ------
    SettingsError
        If a value is not what it should be.
    ContractBreach
        If a table is neither staged nor declared absent.
    """
    declared = source or load_source(settings.source, settings.dbt_project)
    if not RUN_ID.fullmatch(run_id):
        raise SettingsError("A run id has letters, digits and _.- only", run_id, "pass the ledger's run id")
    variables: dict[str, str | int] = {
        "source": settings.source,
        "time_zone": declared.time_zone,
        "currency": declared.currency,
        "absent_tables": ",".join(absent_tables(settings, declared)),
        "as_of_dates": ",".join(sorted({_checked_day(day) for day in as_of_dates})),
        "definition_id": settings.definition_id,
        "horizon_days": settings.horizon_days,
        "run_id": run_id,
    }
    if label_step_days is not None:
        variables["label_step_days"] = label_step_days
    return variables


def absent_tables(settings: Settings, source: Source) -> list[str]:
    """Return the contract's tables for which the source has no staging model.

    Raises
    ------
    ContractBreach
        If the staging models and the declaration's `absent` disagree, or a required table is missing.
    """
    folder = settings.dbt_project / "models" / "staging" / source.name
    prefix = f"stg_{source.name}__"
    staged = {path.stem.removeprefix(prefix) for path in folder.glob(f"{prefix}*.sql")}
    missing = [table for table in CONTRACT_TABLES if table not in staged]
    for table in missing:
        if table in REQUIRED_TABLES or table not in source.absent:
            choice = "" if table in REQUIRED_TABLES else f", or list {table} under `absent` in {source.path}"
            raise ContractBreach(
                f"The source {source.name} has no staging model for {table}",
                str(folder / f"{prefix}{table}.sql"),
                f"write that model{choice}",
            )
    for table in source.absent:
        if table in staged:
            raise ContractBreach(
                f"{source.path} declares {table} absent, yet there is a staging model for it",
                str(folder / f"{prefix}{table}.sql"),
                "take it off `absent`, or remove the model",
            )
    return missing


def dbt_environment(settings: Settings) -> dict[str, str]:
    """Return the environment variables that profiles.yml and dbt read."""
    return {
        "HOLDFAST_BUILD_FILE": str(settings.build_file),
        "HOLDFAST_SPILL": str(settings.spill),
        "HOLDFAST_THREADS": str(settings.threads),
        "HOLDFAST_MEMORY_LIMIT": settings.memory_limit,
        "HOLDFAST_DBT_TARGET": "build",
        "DBT_PROJECT_DIR": str(settings.dbt_project),
        "DBT_PROFILES_DIR": str(settings.dbt_project),
        "DBT_TARGET_PATH": str(settings.dbt_home / "target"),
        "DBT_LOG_PATH": str(settings.dbt_home / "logs"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "true",
    }


def run_dbt(
    settings: Settings,
    arguments: Sequence[str],
    variables: Mapping[str, str | int] | None = None,
    *,
    manifest: Any = None,
) -> Any:
    """Run one dbt command as the build file's only writer.

    Parameters
    ----------
    settings : Settings
        Where everything is.
    arguments : sequence of str
        The command and its flags, for instance ``["build", "--selector", "features"]``.
    variables : mapping, optional
        From `dbt_vars`; without days if not given.
    manifest : object, optional
        The project as `read_project` has read it, if it has.

    Returns
    -------
    object
        dbt's own result of the command.

    Raises
    ------
    HoldfastError
        If a model or a test fails: the message names it and says what the database said.
    Busy
        If another process writes the build file.
    """
    values = dict(dbt_vars(settings) if variables is None else variables)
    settings.build_file.parent.mkdir(parents=True, exist_ok=True)
    is_offline = arguments[0] in OFFLINE
    lock = nullcontext() if is_offline else writer_lock(settings)
    with lock, _environment(dbt_environment(settings)), no_garbage_collection():
        from dbt.cli.main import dbtRunner

        outcome: Any = None
        try:
            if not is_offline and manifest is None:
                outcome = read_project(settings, values)
                manifest = outcome.result
            if outcome is None or outcome.success:
                # nothing reads what a build would write of itself: a second a day
                quiet = ["--no-write-json"] if arguments[0] == "build" else []
                outcome = dbtRunner(manifest).invoke([*arguments, *quiet, *_as_flag(values)])
        finally:
            close_build_file()
            _close_logs()
    if not outcome.success:
        raise _failure(arguments, outcome)
    return outcome.result


def read_project(settings: Settings, variables: Mapping[str, str | int], *, writes_json: bool = False) -> Any:
    """Let dbt read its project; returns what dbt returns of `parse`. Needs no database.

    Its ``result`` is the manifest, which later commands take instead of reading the project again. What was
    read before is read anew only if files or the variables that shape the project have changed.

    Parameters
    ----------
    settings : Settings
        Where the project is, and what was read of it before.
    variables : mapping
        From `dbt_vars`.
    writes_json : bool
        Whether dbt also writes its manifest.json.
    """
    flags = [] if writes_json else ["--no-write-json"]
    command = ["parse", "--quiet", *flags, *_as_flag(_shaping(variables))]
    # dbt reads everything anew where its database has another path or other limits: they shape nothing
    anywhere = {"HOLDFAST_BUILD_FILE": settings.build_file.name, **UNLIMITED}
    with _environment(dbt_environment(settings) | anywhere), no_garbage_collection():
        from dbt.cli.main import dbtRunner

        try:
            return dbtRunner().invoke(command)
        finally:
            _close_logs()


def close_build_file() -> None:
    """Let go of the build file, which dbt keeps open while its process lives; harmless when it is closed."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    # its own env() raises where nothing was opened
    opened: Any = DuckDBConnectionManager._ENV
    if opened is not None:
        opened.close()


def write_manifest(settings: Settings) -> Path:
    """Let dbt parse the project and keep its manifest; the DAGs are drawn from it. Needs no database."""
    outcome = read_project(settings, dbt_vars(settings), writes_json=True)
    if not outcome.success:
        raise _failure(["parse"], outcome)
    manifest = settings.dbt_home / "manifest" / "manifest.json"
    manifest.parent.mkdir(parents=True, exist_ok=True)
    half = manifest.with_suffix(".tmp")
    shutil.copyfile(settings.dbt_home / "target" / "manifest.json", half)
    half.replace(manifest)
    return manifest


def main(arguments: Sequence[str] | None = None) -> int:
    """Run dbt by hand with the pipeline's own variables and lock."""
    parser = argparse.ArgumentParser(prog="python -m warehouse.dbt_project", description=main.__doc__)
    parser.add_argument("--as-of", action="append", default=[], help="a day to build; may be given again")
    known, rest = parser.parse_known_args(arguments)
    settings = Settings.from_environment()
    try:
        run_dbt(settings, rest or ["parse"], dbt_vars(settings, known.as_of))
    except HoldfastError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _checked_day(day: date | str) -> str:
    try:
        return date.fromisoformat(str(day)).isoformat()
    except ValueError:
        raise SettingsError("An as_of_date must be a day", str(day), "write it as 2011-09-09") from None


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _close_logs() -> None:
    """Close dbt's log file, which dbt leaves open for as long as the process lives."""
    from dbt_common.events.event_manager_client import get_event_manager

    for logger in get_event_manager().loggers:
        python_logger = getattr(logger, "_python_logger", None)
        for handler in getattr(python_logger, "handlers", ()):
            if isinstance(handler, logging.FileHandler):
                handler.close()


def _shaping(variables: Mapping[str, str | int]) -> dict[str, str | int]:
    """Return the variables that shape the project; the days are none of them: they change with every run."""
    return {name: value for name, value in variables.items() if name in SHAPING}


def _as_flag(variables: Mapping[str, str | int]) -> list[str]:
    return ["--vars", yaml.safe_dump(dict(variables), default_flow_style=True, width=10_000)]


def _failure(arguments: Sequence[str], outcome: Any) -> HoldfastError:
    """Turn dbt's outcome into one readable error."""
    results = getattr(outcome.result, "results", None) or []
    failed = [result for result in results if str(result.status) in {"error", "fail", "runtime error"}]
    lines = [f"{result.node.unique_id}: {_one_line(result.message)}" for result in failed]
    more = len(lines) - MESSAGES_AT_MOST
    found = "; ".join(lines[:MESSAGES_AT_MOST]) + (f"; and {more} more" if more > 0 else "")
    return ContractBreach(
        f"dbt {arguments[0]} failed",
        found or _one_line(str(outcome.exception or "dbt gave no reason")),
        "look at the model or test named here; its compiled SQL is under HOLDFAST_HOME/dbt/<source>/target",
    )


def _one_line(text: str | None) -> str:
    return " ".join((text or "no message").split())


if __name__ == "__main__":
    sys.exit(main())

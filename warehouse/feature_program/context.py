"""What a few users' features need of the rest of the shop, published beside the program that reads it.

A snapshot that users can be scored with on demand has two more files:

    feature_program.json      the program (`warehouse.feature_program.program`)
    feature_context.duckdb    products, promotions, and what only all users together can tell
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa

from warehouse.errors import DamagedFile
from warehouse.feature_program.program import (
    FEATURES,
    PROGRAM_NAME,
    FeatureProgram,
    TableShape,
    create_table,
    program_file,
)
from warehouse.reading import open_published
from warehouse.settings import Settings

CONTEXT_NAME = "feature_context.duckdb"
# Tables of the contract whose rows belong to no user.
SHARED_TABLES = ("products", "promotions")
SHOP_GAPS = "intermediate.int_shop_gaps_measured"
ALIAS = "feature_context"
SHOP_GAPS_COLUMNS = {"as_of_date": "date", "shop_gap_mean_days": "double"}


@dataclass(frozen=True)
class FeatureContext:
    """What a published day knew of the shop.

    Attributes
    ----------
    as_of_date : date
        The day.
    tables : mapping of str to pyarrow.Table
        Staged rows of the shared tables, in the versions known by that day, by the contract's name.
    shop_gap_mean_days : float or None
        The mean gap between days with a paid order, over all users of that day.
    """

    as_of_date: date
    tables: Mapping[str, pa.Table]
    shop_gap_mean_days: float | None


def write_scoring_files(
    connection: duckdb.DuckDBPyConnection, settings: Settings, as_of_date: date, folder: Path
) -> str | None:
    """Write the kept program and its context for a day into a snapshot's folder.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Has the build file attached as ``build``; the same in which the snapshot is written, so that both are
        of one state of it.
    settings : Settings
        Says where the program is that was kept when features were built last.
    as_of_date : date
        The day that is published.
    folder : Path
        The snapshot's folder.

    Returns
    -------
    str or None
        Why nothing was written: there is no program, or the day's features are not those that it makes.
        None when both files are there.
    """
    kept = program_file(settings)
    if not kept.exists():
        return "no feature program is kept: build the day's features again"
    program = FeatureProgram.load(kept)
    reason = _why_not(connection, as_of_date, program)
    if reason is None:
        path = str(folder / CONTEXT_NAME).replace("'", "''")
        connection.execute(f"attach '{path}' as {ALIAS}")
        _copy_context(connection, as_of_date, program)
        connection.execute(f"detach {ALIAS}")
        (folder / PROGRAM_NAME).write_bytes(program.to_bytes())
    return reason


def has_scoring_files(folder: Path) -> bool:
    """Say whether users can be scored on demand with a snapshot."""
    return (folder / PROGRAM_NAME).is_file() and (folder / CONTEXT_NAME).is_file()


def load_context(folder: Path, program: FeatureProgram, *, memory_limit: str = "1GB") -> FeatureContext:
    """Read the context of a snapshot.

    Raises
    ------
    DamagedFile
        If it is missing or cannot be read.
    """
    path = folder / CONTEXT_NAME
    connection = open_published(path, threads=1, memory_limit=memory_limit)
    try:
        tables = {
            name: connection.execute(f"select * from {program.staged_tables[name].relation}").to_arrow_table()
            for name in SHARED_TABLES
            if name in program.staged_tables
        }
        found = connection.execute(f"select as_of_date, shop_gap_mean_days from {SHOP_GAPS}").fetchall()
        ((as_of_date, mean),) = found
    except (duckdb.Error, ValueError) as error:
        raise DamagedFile(f"{path} is no feature context", str(error), "publish the day again") from error
    finally:
        connection.close()
    return FeatureContext(as_of_date, tables, mean)


def _why_not(connection: duckdb.DuckDBPyConnection, as_of_date: date, program: FeatureProgram) -> str | None:
    if not _columns(connection, SHOP_GAPS):
        return f"the build file has no {SHOP_GAPS} yet: build the day's features again"
    found = connection.execute(f"select count(*) from build.{SHOP_GAPS} where as_of_date = ?", [as_of_date])
    if (found.fetchone() or (0,))[0] != 1:
        return f"{SHOP_GAPS} does not know {as_of_date}: build the day's features again"
    built = _columns(connection, FEATURES)
    if built != program.features:
        differing = sorted(name for name, _ in set(built.items()) ^ set(program.features.items()))
        return (
            f"{FEATURES} was built by other SQL than the program's ({', '.join(differing[:5])}): "
            "build the day's features again"
        )
    return None


def _columns(connection: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    schema, name = relation.split(".")
    rows = connection.execute(
        "select column_name, data_type from duckdb_columns() "
        "where database_name = 'build' and schema_name = ? and table_name = ? order by column_index",
        [schema, name],
    ).fetchall()
    return {str(column): str(sql_type) for column, sql_type in rows}


def _copy_context(connection: duckdb.DuckDBPyConnection, as_of_date: date, program: FeatureProgram) -> None:
    for name in SHARED_TABLES:
        shape = program.staged_tables.get(name)
        if shape is None:
            continue
        create_table(connection, shape, ALIAS)
        # what became known later is no part of the day, wherever it is run again
        replaced = {
            "superseded_on": "case when superseded_on <= $day then superseded_on end",
            "changed_by_delivery": "null",
        }
        columns = ", ".join(replaced.get(column, f'"{column}"') for column in shape.columns)
        connection.execute(
            f"insert into {ALIAS}.{shape.relation} select {columns} from build.{shape.relation} "
            "where known_on <= $day order by all",
            {"day": as_of_date},
        )
    create_table(connection, TableShape(SHOP_GAPS, SHOP_GAPS_COLUMNS), ALIAS)
    connection.execute(
        f"insert into {ALIAS}.{SHOP_GAPS} select as_of_date, shop_gap_mean_days from build.{SHOP_GAPS} "
        "where as_of_date = ?",
        [as_of_date],
    )

"""Writing one snapshot's database and lists from the build file."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from warehouse.connections import open_new_with_build
from warehouse.errors import ContractBreach, GateFailure
from warehouse.ledger import Run
from warehouse.publish.descriptions import Descriptions, describe
from warehouse.publish.durable import FILE_MODE
from warehouse.publish.exports import export_list
from warehouse.publish.manifest import DATABASE_NAME, Column, TableFacts
from warehouse.publish.tables import AT_RISK_USERS, PUBLISHED_TABLES, PublishedTable
from warehouse.settings import Settings


@dataclass(frozen=True)
class Written:
    """What was written: facts by table, and the model that the day was scored with."""

    tables: dict[str, TableFacts]
    model_version: str | None


def write_snapshot(settings: Settings, run: Run, folder: Path) -> Written:
    """Write the published database and the day's list into a folder, and check them.

    Parameters
    ----------
    settings : Settings
        Says where the build file is.
    run : Run
        The run that publishes; its ``as_of_date`` is the day.
    folder : Path
        An empty folder.

    Raises
    ------
    ContractBreach
        If a published table is missing from the build file.
    GateFailure
        If rows of another run are found, or a list would be empty that must not be.
    """
    with open_new_with_build(settings, folder / DATABASE_NAME) as connection:
        for table in PUBLISHED_TABLES:
            _publish_table(settings, connection, run, table)
        _check_rows(connection, run)
        facts = {table.name: _facts(connection, table) for table in PUBLISHED_TABLES}
        models = _model_versions(connection, run.as_of_date)
        list_table = next(table for table in PUBLISHED_TABLES if table.name == AT_RISK_USERS)
        order = _order(list_table, [column.name for column in facts[AT_RISK_USERS].columns])
        export_list(connection, AT_RISK_USERS, order, folder)
    for path in folder.iterdir():
        path.chmod(FILE_MODE)
    return Written(tables=facts, model_version=models[0] if models else None)


def _publish_table(
    settings: Settings, connection: duckdb.DuckDBPyConnection, run: Run, table: PublishedTable
) -> None:
    columns = _columns(connection, "build", table.relation)
    if not columns:
        raise ContractBreach(
            f"The build file has no {table.relation}, which is published as {table.name}",
            table.relation,
            "build it: run the day with `python -m dags.run_day --as-of YYYY-MM-DD`",
        )
    where = _where(table, columns, run.as_of_date)
    if table.view_of is None:
        connection.execute(
            f"create table {table.name} as select * from build.{table.relation} {where} "
            f"order by {_order(table, columns)}"
        )
    else:
        connection.execute(f"create view {table.name} as select * from {table.view_of} {where}")
    _describe(connection, table, describe(settings, connection, table.relation))


def _columns(connection: duckdb.DuckDBPyConnection, database: str, relation: str) -> list[str]:
    schema, name = relation.split(".")
    rows = connection.execute(
        "select column_name from duckdb_columns() "
        "where database_name = ? and schema_name = ? and table_name = ? order by column_index",
        [database, schema, name],
    ).fetchall()
    return [row[0] for row in rows]


def _where(table: PublishedTable, columns: list[str], as_of_date: date) -> str:
    if table.rows == "all" or "as_of_date" not in columns:
        return ""
    return f"where as_of_date {'=' if table.rows == 'day' else '<='} date '{as_of_date.isoformat()}'"


def _order(table: PublishedTable, columns: list[str]) -> str:
    # Every column follows the key, so that the order never depends on how the rows were found.
    first = [column for column in table.order_by if column in columns]
    return ", ".join(_quoted(column) for column in [*first, *(c for c in columns if c not in first)])


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _describe(
    connection: duckdb.DuckDBPyConnection, table: PublishedTable, descriptions: Descriptions
) -> None:
    kind = "view" if table.view_of else "table"
    if descriptions.table:
        connection.execute(f"comment on {kind} {table.name} is {_literal(descriptions.table)}")
    for column in _columns(connection, "holdfast", f"main.{table.name}"):
        if text := descriptions.columns.get(column):
            connection.execute(f"comment on column {table.name}.{_quoted(column)} is {_literal(text)}")


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _facts(connection: duckdb.DuckDBPyConnection, table: PublishedTable) -> TableFacts:
    rows = connection.execute(f"select count(*) from {table.name}").fetchall()[0][0]
    columns = connection.execute(
        "select column_name, data_type, comment from duckdb_columns() "
        "where database_name = 'holdfast' and table_name = ? order by column_index",
        [table.name],
    ).fetchall()
    return TableFacts(
        "view" if table.view_of else "table", rows, tuple(Column(*column) for column in columns)
    )


def _check_rows(connection: duckdb.DuckDBPyConnection, run: Run) -> None:
    for table in PUBLISHED_TABLES:
        columns = _columns(connection, "holdfast", f"main.{table.name}")
        if not table.one_run or "run_id" not in columns:
            continue
        day = _where(PublishedTable(table.name, table.relation, "day", ()), columns, run.as_of_date)
        others = connection.execute(
            f"select distinct run_id from (from {table.name} {day}) where run_id is distinct from ? limit 3",
            [run.run_id],
        ).fetchall()
        if others:
            raise GateFailure(
                f"{table.relation} holds rows that run {run.run_id} did not make",
                [row[0] for row in others],
                f"run {run.as_of_date} again; it scores and publishes in one run",
            )
    _check_not_empty(connection, run)


def _check_not_empty(connection: duckdb.DuckDBPyConnection, run: Run) -> None:
    counts = connection.execute(
        "select (select count(*) from churn_scores_history where as_of_date = $day), "
        "(select count(*) from user_risk_tiers_history where as_of_date = $day), "
        "(select count(*) from user_risk_tiers_history where as_of_date = $day and risk_tier = 'high'), "
        "(select count(*) from at_risk_users), (select count(*) from run_info)",
        {"day": run.as_of_date},
    ).fetchall()[0]
    scored, tiered, high, listed, runs = counts
    complaint = None
    if scored == 0 or tiered == 0:
        complaint = "no user was scored and tiered"
    elif listed == 0 and high > 0:
        complaint = "the at-risk list is empty although users have a high risk"
    elif runs != 1:
        complaint = "run_info must say in one row which run is published"
    if complaint:
        raise GateFailure(
            f"{run.as_of_date} is not published: {complaint}",
            {"scored": scored, "tiered": tiered, "high": high, "listed": listed, "run_info": runs},
            "look at the day's deliveries and gates in reports/; the old list stays",
        )


def _model_versions(connection: duckdb.DuckDBPyConnection, as_of_date: date) -> list[str]:
    if "model_version" not in _columns(connection, "holdfast", "main.churn_scores_history"):
        return []
    rows = connection.execute(
        "select distinct model_version from churn_scores_history where as_of_date = ? order by all",
        [as_of_date],
    ).fetchall()
    if len(rows) > 1:
        raise GateFailure(
            f"The scores of {as_of_date} come from more than one model",
            [row[0] for row in rows],
            "score the day again",
        )
    return [row[0] for row in rows]

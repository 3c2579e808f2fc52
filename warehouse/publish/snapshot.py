"""Writing one snapshot's database and lists from the build file."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from warehouse.connections import attach, open_new_with_build
from warehouse.errors import ContractBreach, DamagedFile, GateFailure
from warehouse.feature_program import write_scoring_files
from warehouse.ledger import Run
from warehouse.publish.descriptions import Relation, descriptions_of, read_catalog
from warehouse.publish.durable import FILE_MODE
from warehouse.publish.exports import export_list
from warehouse.publish.manifest import DATABASE_NAME, TableFacts
from warehouse.publish.tables import AT_RISK_USERS, PUBLISHED_TABLES, PublishedTable
from warehouse.settings import Settings

log = logging.getLogger(__name__)


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
        build = read_catalog(connection, "build")
        for table in PUBLISHED_TABLES:
            _publish_table(settings, connection, run, table, build.get(table.relation))
        _add_raised_alerts(settings, connection, run.as_of_date)
        made = {
            name.removeprefix("main."): relation
            for name, relation in read_catalog(connection, "holdfast").items()
        }
        _check_rows(connection, run, made)
        models = model_versions(connection, run.as_of_date, made)
        facts = facts_of_tables(connection, made)
        export_list(connection, AT_RISK_USERS, folder)
        missing = write_scoring_files(connection, settings, run.as_of_date, folder)
    if missing is not None:
        # the list goes out all the same: only POST /v1/score needs these files, and says so
        log.warning("run %s is published without what scores single users: %s", run.run_id, missing)
    for path in folder.iterdir():
        path.chmod(FILE_MODE)
    return Written(tables=facts, model_version=models[0] if models else None)


def _publish_table(
    settings: Settings,
    connection: duckdb.DuckDBPyConnection,
    run: Run,
    table: PublishedTable,
    source: Relation | None,
) -> None:
    if source is None:
        raise ContractBreach(
            f"The build file has no {table.relation}, which is published as {table.name}",
            table.relation,
            "build it: run the day with `python -m dags.run_day --as-of YYYY-MM-DD`",
        )
    where = _where(table, table.rows, source, run.as_of_date)
    connection.execute(
        f"create table {table.name} as select * from build.{table.relation} {where} "
        f"order by {_order(table, source.column_names)}"
    )
    if table.looked_up_by in source.column_names:
        index_on(connection, table)
    comment_on(connection, table.name, *descriptions_of(settings, table.relation, source))


def index_on(connection: duckdb.DuckDBPyConnection, table: PublishedTable) -> None:
    """Let single rows of a table be found at once."""
    connection.execute(f"create index {table.name}_by_user on {table.name} ({table.looked_up_by})")


def comment_on(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    description: str | None,
    columns: Mapping[str, str],
) -> None:
    """Tell readers what a table is, and what its columns mean."""
    if description:
        connection.execute(f"comment on table {name} is {_literal(description)}")
    for column, text in columns.items():
        connection.execute(f"comment on column {name}.{_quoted(column)} is {_literal(text)}")


def _add_raised_alerts(settings: Settings, connection: duckdb.DuckDBPyConnection, as_of_date: date) -> None:
    """Add the alerts that refreshes raised: history that no daily run makes again, each at its own moment."""
    if not settings.intraday_file.exists():
        return
    try:
        attach(connection, "intraday", settings.intraday_file)
    except DamagedFile as reason:
        # the day's list is not kept back for it: the next refresh takes the alerts from what was published
        log.warning("the list goes out without what refreshes raised: %s", reason)
        return
    raised = f"(from intraday.risk_alerts where as_of_date <= date '{as_of_date}')"
    connection.execute(f"delete from risk_alerts where alert_id in (select alert_id from {raised})")
    connection.execute(f"insert into risk_alerts by name from {raised}")
    connection.execute("detach intraday")


def _where(table: PublishedTable, rows: str, relation: Relation, as_of_date: date) -> str:
    if table.day_column not in relation.column_names:
        raise ContractBreach(
            f"{table.relation} does not say to which day its rows belong",
            relation.column_names,
            f"give it the column {table.day_column}",
        )
    return f"where {table.day_column} {'=' if rows == 'day' else '<='} date '{as_of_date.isoformat()}'"


def _order(table: PublishedTable, columns: list[str]) -> str:
    # Every column follows the key, so that the order never depends on how the rows were found.
    first = [column for column in table.order_by if column in columns]
    return ", ".join(_quoted(column) for column in [*first, *(c for c in columns if c not in first)])


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def facts_of_tables(
    connection: duckdb.DuckDBPyConnection, made: Mapping[str, Relation]
) -> dict[str, TableFacts]:
    """Count the rows of every published table, and say what columns it has."""
    counts = ", ".join(f"(select count(*) from {table.name})" for table in PUBLISHED_TABLES)
    rows = connection.execute(f"select {counts}").fetchall()[0]
    return {
        table.name: TableFacts("table", count, made[table.name].columns)
        for table, count in zip(PUBLISHED_TABLES, rows, strict=True)
    }


def _check_rows(connection: duckdb.DuckDBPyConnection, run: Run, made: Mapping[str, Relation]) -> None:
    strict = [table for table in PUBLISHED_TABLES if table.one_run]
    others = connection.execute(
        " union all ".join(
            f"(select distinct '{table.relation}', run_id from "
            f"(from {table.name} {_where(table, 'day', made[table.name], run.as_of_date)}) "
            "where run_id is distinct from $run_id limit 3)"
            for table in strict
            if "run_id" in made[table.name].column_names
        ),
        {"run_id": run.run_id},
    ).fetchall()
    if others:
        raise GateFailure(
            f"{others[0][0]} holds rows that run {run.run_id} did not make",
            [row[1] for row in others],
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


def model_versions(
    connection: duckdb.DuckDBPyConnection, as_of_date: date, made: Mapping[str, Relation]
) -> list[str]:
    """Return the model that scored a day; none where no column says it, GateFailure where there are two."""
    if "model_version" not in made["churn_scores_history"].column_names:
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

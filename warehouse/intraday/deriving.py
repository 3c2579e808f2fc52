"""The snapshot of a refresh: the daily list's own files, with the touched users' rows replaced."""

import shutil
from pathlib import Path

import duckdb

from warehouse.errors import GateFailure
from warehouse.intraday.memory import ALERTS, ALIAS, REFRESHED
from warehouse.intraday.risk_program import CONSEQUENCES, RANKS, RUN_INFO, TIERS, RiskProgram
from warehouse.intraday.workplace import Workplace
from warehouse.ledger import Run
from warehouse.publish.descriptions import read_catalog
from warehouse.publish.durable import FILE_MODE
from warehouse.publish.exports import export_list
from warehouse.publish.lineage import LINEAGE_NAME
from warehouse.publish.manifest import DATABASE_NAME, MANIFEST_NAME
from warehouse.publish.snapshot import Written, comment_on, facts_of_tables, index_on, model_versions
from warehouse.publish.tables import AT_RISK_USERS, PUBLISHED_TABLES
from warehouse.settings import Settings

NEW = "snapshot"
TODAY = "user_risk_tiers"


def write_derived(
    place: Workplace, program: RiskProgram, _settings: Settings, run: Run, folder: Path
) -> Written:
    """Write the refreshed database and list into a folder, and check them.

    The daily file is copied and changed in the copy: most of it stays as it is. Rows keep the list's day, so
    that every reader's query finds them; ``run_info`` says that the list was refreshed, and as of when.

    Parameters
    ----------
    place : Workplace
        Its memory holds the rows that replace others.
    program : RiskProgram
        Ranks the list anew and counts the tiers anew.
    run : Run
        The refresh's own run.
    folder : Path
        An empty folder.

    Raises
    ------
    GateFailure
        If the tables no longer agree with each other.
    """
    connection = place.connection
    path = folder / DATABASE_NAME
    shutil.copyfile(place.ground.folder / DATABASE_NAME, path)
    path.chmod(0o600)
    name = str(path).replace("'", "''")
    connection.execute(f"attach '{name}' as {NEW}")
    try:
        _replace_rows(place)
        _count_anew(place, program, run)
        _add_alerts(connection)
        connection.execute(f"use {NEW}")
        made = {
            name.removeprefix("main."): relation for name, relation in read_catalog(connection, NEW).items()
        }
        _check(place, run)
        models = model_versions(connection, place.ground.base.as_of_date, made)
        facts = facts_of_tables(connection, made)
        export_list(connection, AT_RISK_USERS, folder)
    finally:
        connection.execute("use scratch")
    _take_along(place.ground.folder, folder)
    connection.execute(f"checkpoint {NEW}")
    connection.execute(f"detach {NEW}")
    for file in folder.iterdir():
        file.chmod(FILE_MODE)
    return Written(tables=facts, model_version=models[0] if models else None)


def _take_along(base: Path, folder: Path) -> None:
    """Copy what else stands beside the daily database: the day and its model are the same."""
    made = {MANIFEST_NAME, LINEAGE_NAME, *(path.name for path in folder.iterdir())}
    for path in base.iterdir():
        if path.name not in made:
            shutil.copyfile(path, folder / path.name)


def _replace_rows(place: Workplace) -> None:
    connection, listed = place.connection, place.ground.base.as_of_date
    replaced = f"select user_id from {ALIAS}.user_risk_tiers_history"
    for table in REFRESHED:
        connection.execute(
            f"delete from {NEW}.{table} where as_of_date = date '{listed}' and user_id in ({replaced})"
        )
        connection.execute(f"insert into {NEW}.{table} by name from {ALIAS}.{table}")
    if place.ground.base.tables[TODAY].kind == "table":  # once it was a view of the history
        connection.execute(f"delete from {NEW}.{TODAY} where user_id in ({replaced})")
        connection.execute(f"insert into {NEW}.{TODAY} by name from {ALIAS}.user_risk_tiers_history")


def _count_anew(place: Workplace, program: RiskProgram, run: Run) -> None:
    """Rank the list and count the tiers over the rows as they are now."""
    connection, listed = place.connection, place.ground.base.as_of_date
    program.create_seeds(connection)
    for schema in ("risk", "control"):
        connection.execute(f"create schema if not exists {schema}")
    connection.execute(f"drop table if exists {TIERS}")
    connection.execute(
        f"create view {TIERS} as from {NEW}.user_risk_tiers_history where as_of_date = date '{listed}'"
    )
    connection.execute(
        "create or replace table control.run as select ?::date as as_of_date, ? as run_id, "
        "?::bigint as epoch, ? as source, ? as kind",
        [listed, run.run_id, run.epoch, run.source, run.kind],
    )
    for target in (RANKS, CONSEQUENCES, RUN_INFO):
        program.run(connection, listed, target, given=[TIERS])
    comments = read_catalog(connection, NEW)[f"main.{AT_RISK_USERS}"]
    connection.execute(
        f"create or replace table {NEW}.{AT_RISK_USERS} as "
        f"select listed.* replace (ranks.risk_rank as risk_rank) from {NEW}.{AT_RISK_USERS} as listed "
        f"inner join {RANKS} as ranks using (user_id) order by ranks.risk_rank"
    )
    connection.execute(f"use {NEW}")
    index_on(connection, next(table for table in PUBLISHED_TABLES if table.name == AT_RISK_USERS))
    comment_on(
        connection,
        AT_RISK_USERS,
        comments.comment,
        {column.name: column.description for column in comments.columns if column.description},
    )
    connection.execute("use scratch")
    connection.execute(f"delete from {NEW}.tier_consequences where as_of_date = date '{listed}'")
    connection.execute(
        f"insert into {NEW}.tier_consequences by name "
        f"select * replace ('{run.run_id}' as run_id) from {CONSEQUENCES}"
    )
    connection.execute(f"delete from {NEW}.run_info")
    connection.execute(
        f"insert into {NEW}.run_info by name select * replace (true as is_intraday, "
        "? as derived_from_run_id, ?::date as refreshed_as_of_date, ?::timestamp as refreshed_at, "
        f"? as users_refreshed) from {RUN_INFO}",
        [
            place.ground.base.run_id,
            place.memory.newest().refresh_day,
            run.started_at.replace(tzinfo=None),
            place.memory.users(),
        ],
    )


def _add_alerts(connection: duckdb.DuckDBPyConnection) -> None:
    """Give readers every alert; one that the daily run raised as well keeps its first moment."""
    connection.execute(
        f"delete from {NEW}.{ALERTS} where alert_id in (select alert_id from {ALIAS}.{ALERTS})"
    )
    connection.execute(f"insert into {NEW}.{ALERTS} by name from {ALIAS}.{ALERTS}")


def _check(place: Workplace, run: Run) -> None:
    """Refuse a snapshot whose tables do not agree about who is on the list."""
    scored, tiered, at_risk, listed, ranks = place.connection.execute(
        """
        select
            (select count(*) from churn_scores_history where as_of_date = $day),
            (select count(*) from user_risk_tiers_history where as_of_date = $day),
            (select count(*) from user_risk_tiers where risk_tier in ('high', 'medium')),
            (select count(*) from at_risk_users),
            (select count(distinct risk_rank) from at_risk_users)
        """,
        {"day": place.ground.base.as_of_date},
    ).fetchall()[0]
    if scored != tiered or at_risk != listed or ranks != listed or not tiered:
        raise GateFailure(
            f"The refresh {run.run_id} is not published: its tables do not agree",
            {"scored": scored, "tiered": tiered, "at risk": at_risk, "listed": listed, "ranks": ranks},
            "nothing; readers keep the list that they have, and the next daily run makes it anew",
        )

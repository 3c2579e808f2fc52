"""The tables that ingest writes: raw, vault, quarantine and its own small book-keeping."""

from collections import defaultdict

import duckdb

from warehouse.errors import ContractBreach
from warehouse.ingest.typing_rules import sql_type
from warehouse.sources import Source, Table

META_COLUMNS = (
    ("delivery_id", "varchar"),
    ("delivery_number", "bigint"),
    ("source_file", "varchar"),
    ("source_line", "bigint"),
    ("known_on", "date"),
)
OWN_TABLES = """
create schema if not exists raw;
create schema if not exists vault;
create schema if not exists quarantine;
create schema if not exists control;
create table if not exists quarantine.rows (
    delivery_id varchar, delivery_number bigint, source varchar, table_name varchar, source_file varchar,
    source_line bigint, reason_code varchar, reason varchar, column_name varchar, value varchar,
    raw_text varchar, known_on date
);
create table if not exists control.exact_duplicates (
    delivery_id varchar, delivery_number bigint, source varchar, table_name varchar, source_file varchar,
    source_line bigint, same_as_delivery_id varchar, same_as_file varchar, same_as_line bigint
);
create table if not exists control.loaded_deliveries (
    delivery_id varchar primary key, delivery_number bigint
);
create table if not exists control.file_hashes (
    relative_path varchar, bytes bigint, changed_at_ns bigint, sha256 varchar
);
"""


def prepare_tables(connection: duckdb.DuckDBPyConnection, source: Source) -> None:
    """Create what is missing; refuse a stored table whose columns are no longer those declared.

    Raises
    ------
    ContractBreach
        If the declaration has changed since the table was made.
    """
    connection.execute(OWN_TABLES)
    declared = {
        table: [(c.name, sql_type(c)) for c in table.columns] + list(META_COLUMNS) for table in source.tables
    }
    for table, columns in declared.items():
        listed = ", ".join(f'"{name}" {kind}' for name, kind in columns)
        connection.execute(f"create table if not exists {table.schema}.{table.identifier} ({listed})")
    stored = _stored_columns(connection)
    for table, columns in declared.items():
        found = stored[table.schema, table.identifier]
        expected = [(name, kind.replace(" ", "")) for name, kind in columns]
        if found != expected:
            changed = sorted(set(found) ^ set(expected))
            raise ContractBreach(
                f"{table.schema}.{table.identifier} was made by another declaration than {source.path} is",
                changed,
                "run `python -m warehouse rebuild`: it loads every accepted delivery again as now declared",
            )


def _stored_columns(connection: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], list[tuple[str, str]]]:
    """Return the columns and types of every table, by schema and name."""
    found: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    rows = connection.execute(
        "select schema_name, table_name, column_name, lower(data_type) from duckdb_columns() "
        "order by schema_name, table_name, column_index"
    )
    for schema, name, column, kind in rows.fetchall():
        found[schema, name].append((column, kind))
    return found


def forget(connection: duckdb.DuckDBPyConnection, source: Source, delivery_ids: list[str]) -> None:
    """Delete every row of deliveries that the ledger does not know: leftovers of a run that was killed."""
    tables = [f"{table.schema}.{table.identifier}" for table in source.tables]
    for table in [*tables, "quarantine.rows", "control.exact_duplicates", "control.loaded_deliveries"]:
        connection.execute(f"delete from {table} where delivery_id in (select unnest(?))", [delivery_ids])


def store_settled(connection: duckdb.DuckDBPyConnection, source: Source, table: Table) -> None:
    """Insert the new rows and versions of a table, and note where its exact duplicates point."""
    values = ", ".join(f"settled.v{i}" for i in range(len(table.columns)))
    known_on = "files.known_on"
    if table.event_time is not None:
        i = table.column_names.index(table.event_time)
        local = f"((settled.v{i}::timestamp at time zone 'UTC') at time zone '{source.time_zone}')::date"
        if table.columns[i].type == "date":
            local = f"settled.v{i}"
        # greatest and least pass over an event without a time; the delivery itself bounds both ends
        own_day = f"least(greatest(files.known_on, {local}), files.known_at_latest)"
        known_on = f"case when files.is_history then {own_day} else files.known_on end"
    connection.execute(
        f"""
        insert into {table.schema}.{table.identifier}
        select
            {values}, files.delivery_id, files.delivery_number, files.source_file, settled.line_number,
            {known_on}
        from settled_{table.name} as settled
        inner join batch_files as files on files.file_index = settled.file_index
        where settled.fate in ('new', 'version')
        order by settled.seq
        """
    )
    connection.execute(
        f"""
        insert into control.exact_duplicates
        select
            files.delivery_id, files.delivery_number, '{source.name}', '{table.name}', files.source_file,
            settled.line_number, settled.stands_as.delivery, settled.stands_as.file, settled.stands_as.line
        from settled_{table.name} as settled
        inner join batch_files as files on files.file_index = settled.file_index
        where settled.fate = 'duplicate'
        order by settled.seq
        """
    )

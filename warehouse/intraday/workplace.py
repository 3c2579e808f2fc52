"""Where a refresh works: a scratch database beside the build file, the daily list and its own memory."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb

from warehouse.connections import attach_read_only, open_beside_build
from warehouse.errors import ContractBreach
from warehouse.feature_program import FEATURES, FeatureProgram
from warehouse.intraday.ground import Ground
from warehouse.intraday.memory import ALIAS, Memory
from warehouse.publish.manifest import DATABASE_NAME
from warehouse.settings import Settings
from warehouse.sources import Source, Table

SHOP_GAPS = "intermediate.int_shop_gaps_measured"
# What names a user where the table itself does not, by table of the contract and its column.
OWNERS = {"order_items": ("orders", "order_id"), "coupon_redemptions": ("coupons", "coupon_code")}


@dataclass(frozen=True)
class Workplace:
    """An open scratch database.

    Attributes
    ----------
    connection : duckdb.DuckDBPyConnection
        Its own database holds what is being worked out; ``build`` and ``base`` (the daily list) are
        attached for reading, ``intraday`` (the memory) for writing.
    ground : Ground
        The list and the deliveries since.
    source : Source
        The shop's declaration.
    memory : Memory
        What earlier rounds left.
    """

    connection: duckdb.DuckDBPyConnection
    ground: Ground
    source: Source
    memory: Memory

    def find_touched(self, program: FeatureProgram, after: int, waiting: Sequence[str]) -> int:
        """Fill ``made.touched`` with the users whom deliveries after a number touch; returns how many.

        The new rows go through the shop's own staging models, so that it is they who say whose a row is.
        """
        connection = self.connection
        program.create_raw_tables(connection)
        program.create_seeds(connection)
        for table in self._raw_tables():
            connection.execute(
                f"insert into {table} by name select * from build.{table} where delivery_number > ? "
                "and known_on > ?",
                [after, self.ground.base.as_of_date],
            )
        found = []
        for name, shape in program.staged_tables.items():
            program.run(connection, self.ground.refresh_day, target=shape.relation)
            owner = OWNERS.get(name)
            if "user_id" in shape.columns:
                found.append(f"select user_id from {shape.relation}")
            elif owner and (parent := program.staged(owner[0])):
                found.append(
                    f"select user_id from build.{parent} semi join {shape.relation} using ({owner[1]})"
                )
        connection.execute("create schema if not exists made")
        connection.execute(
            "create or replace table made.touched as select distinct user_id from ("
            f"{' union all '.join(found)} union all select unnest(?::varchar[])) where user_id is not null",
            [list(waiting)],
        )
        return self.count("made.touched")

    def build_features(self, program: FeatureProgram) -> int:
        """Make the features of the touched users as of the refresh day; returns how many have any.

        Their rows are taken out of the raw tables, whole histories, and go through the program that the
        features are compiled into. What the shop as a whole says of them (the mean gap between purchases)
        is that of the list's day.
        """
        connection, day = self.connection, self.ground.refresh_day
        program.create_raw_tables(connection)
        taken: dict[str, Table] = {}
        for table in self.source.parents_first:
            if table.schema == "raw":
                connection.execute(self._rows_of_touched(table, taken))
                taken[table.name] = table
        for shape in program.staged_tables.values():
            program.run(connection, day, target=shape.relation)
        self._take_shop_gaps()
        staged = [shape.relation for shape in program.staged_tables.values()]
        program.run(connection, day, given=[*staged, SHOP_GAPS])
        connection.execute(f"delete from {FEATURES} where user_id not in (from made.touched)")
        return self.count(FEATURES)

    def count(self, relation: str) -> int:
        """Return how many rows a relation has."""
        rows = self.connection.execute(f"select count(*) from {relation}").fetchall()
        return int(rows[0][0])

    def _raw_tables(self) -> list[str]:
        return [f"{table.schema}.{table.identifier}" for table in self.source.tables if table.schema == "raw"]

    def _rows_of_touched(self, table: Table, taken: dict[str, Table]) -> str:
        """Return the SQL that takes a raw table's rows of the touched users; all rows where it names none."""
        relation = f"{table.schema}.{table.identifier}"
        insert = f"insert into {relation} by name select rows.* from build.{relation} as rows"
        if "user_id" in table.column_names:
            return f"{insert} semi join made.touched using (user_id)"
        owners = [
            (taken[reference.table], reference.column, reference.parent_column)
            for reference in table.references
            if reference.table in taken and "user_id" in taken[reference.table].column_names
        ]
        if not owners:
            return insert
        known = " or ".join(
            f'rows."{column}" in (select "{parent_column}" from {parent.schema}.{parent.identifier})'
            for parent, column, parent_column in owners
        )
        return f"{insert} where {known}"

    def _take_shop_gaps(self) -> None:
        connection, base = self.connection, self.ground.base
        connection.execute("create schema if not exists intermediate")
        try:
            connection.execute(
                f"create or replace table {SHOP_GAPS} as select * replace (?::date as as_of_date) "
                f"from build.{SHOP_GAPS} where as_of_date = ?",
                [self.ground.refresh_day, base.as_of_date],
            )
        except duckdb.CatalogException as error:
            raise ContractBreach(
                f"The build file has no {SHOP_GAPS}: {base.as_of_date} was built by an earlier version",
                None,
                f"build it again: `make run AS_OF={base.as_of_date}`",
            ) from error


@contextmanager
def open_workplace(settings: Settings, ground: Ground, source: Source) -> Iterator[Workplace]:
    """Open a place to work in, as the one writer; what is worked out there is gone afterwards.

    Raises
    ------
    Busy
        If another process writes the build file.
    DamagedFile
        If a file cannot be opened.
    """
    with open_beside_build(settings, {ALIAS: settings.intraday_file}) as connection:
        attach_read_only(connection, "build", settings.build_file)
        attach_read_only(connection, "base", ground.folder / DATABASE_NAME)
        yield Workplace(connection, ground, source, Memory(connection))

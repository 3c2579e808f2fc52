"""A scratch database for one user at a time: everything shared stands in it, rows come and go."""

from collections.abc import Mapping
from datetime import date

import duckdb
import pyarrow as pa

from warehouse.feature_program.context import SHOP_GAPS, SHOP_GAPS_COLUMNS, FeatureContext
from warehouse.feature_program.program import FEATURES, FeatureProgram, TableShape, create_table

ARRIVING = "arriving_rows"
SCORES = "ml.churn_scores"
REASONS = "risk.int_reasons_worded"


class FeatureScratch:
    """Runs a feature program over the rows of one user, or of a few, again and again.

    Not for several threads at once: whoever shares one takes turns.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        From `warehouse.connections.open_scratch`; nothing else may be in it.
    program : FeatureProgram
        What is run.
    context : FeatureContext
        What the published day knew of the shop.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, program: FeatureProgram, context: FeatureContext
    ) -> None:
        self.connection = connection
        self.program = program
        self._gap = context.shop_gap_mean_days
        self._filled: set[str] = set()
        program.create_seeds(connection)
        self._given = {*program.create_staged_tables(connection), SHOP_GAPS}
        create_table(connection, TableShape(SHOP_GAPS, SHOP_GAPS_COLUMNS))
        for name, rows in context.tables.items():
            self._insert(name, rows, "select * from")

    def features(self, rows: Mapping[str, pa.Table], as_of_date: date) -> None:
        """Make the features of some rows; they then stand in `features.user_features`.

        Parameters
        ----------
        rows : mapping of str to pyarrow.Table
            By table of the source contract: its columns, known_on and superseded_on. Tables that the shop
            does not deliver are passed over, as its features do not read them.
        as_of_date : date
            The evening that is looked from.
        """
        self.forget()
        for name, table in rows.items():
            if name in self.program.staged_tables and len(table):
                self._filled.add(self.program.staged_tables[name].relation)
                self._insert(name, table, self._staging(name))
        self.connection.execute(f"insert into {SHOP_GAPS} values (?, ?)", [as_of_date, self._gap])
        self.program.run(self.connection, as_of_date, given=self._given)

    def row_of(self, user_id: str) -> dict[str, object] | None:
        """Return the features of a user; None if nothing was done that counts."""
        found = self.connection.execute(f"select * from {FEATURES} where user_id = ?", [user_id])
        names = [column[0] for column in found.description or ()]
        row = found.fetchone()
        return None if row is None else dict(zip(names, row, strict=True))

    def reasons_worded(self, scores: pa.Table) -> dict[str, object]:
        """Return the reasons of one scored user with their sentences, as the day's list has them.

        Parameters
        ----------
        scores : pyarrow.Table
            One row of `ml.churn_scores`, for the user whose features stand here.
        """
        self.connection.register(ARRIVING, scores)
        try:
            self.connection.execute("create schema if not exists ml")
            self.connection.execute(f"create or replace table {SCORES} as select * from {ARRIVING}")
        finally:
            self.connection.unregister(ARRIVING)
        as_of_date = scores.column("as_of_date")[0].as_py()
        self.program.run(self.connection, as_of_date, given=[FEATURES], target=REASONS)
        found = self.connection.execute(f"select * from {REASONS}")
        names = [column[0] for column in found.description or ()]
        (row,) = found.fetchall()
        return dict(zip(names, row, strict=True))

    def forget(self) -> None:
        """Remove every row that was sent, so that the next user meets nothing of the one before."""
        for relation in (*self._filled, SHOP_GAPS):
            self.connection.execute(f"delete from {relation}")
        self._filled.clear()

    def _staging(self, name: str) -> str:
        """Return what reads arrived rows as staging would leave them."""
        table = self.program.contract[name]
        local = f"timezone('{self.program.time_zone}', timezone('UTC', {table.happened_at})) as local_at"
        added = [local] if table.happened_at else []
        columns = [f'"{column}"' for column in table.columns]
        listed = ", ".join([*columns, *added, "known_on", "superseded_on", "0 as changed_by_delivery"])
        return f"select {listed} from"

    def _insert(self, name: str, rows: pa.Table, reading: str) -> None:
        self.connection.register(ARRIVING, rows)
        try:
            relation = self.program.staged_tables[name].relation
            self.connection.execute(f"insert into {relation} by name {reading} {ARRIVING}")
        finally:
            self.connection.unregister(ARRIVING)

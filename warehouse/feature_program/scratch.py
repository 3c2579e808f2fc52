"""A scratch database for one user at a time: everything shared stands in it, rows come and go."""

from collections.abc import Mapping, Sequence
from datetime import date

import duckdb
import pyarrow as pa

from warehouse.feature_program.context import SHOP_GAPS, SHOP_GAPS_COLUMNS, FeatureContext
from warehouse.feature_program.program import (
    FEATURES,
    FeatureProgram,
    Model,
    TableShape,
    create_table,
    make_schema,
)

ARRIVING = "arriving_rows"
REASONS = "risk.int_reasons_worded"
# Of a scored user's row, what its sentences are made from.
SCORES = TableShape(
    "ml.churn_scores",
    {
        "as_of_date": "date",
        "user_id": "varchar",
        **{
            f"reason_{place}_{part}": kind
            for place in (1, 2, 3)
            for part, kind in (("code", "varchar"), ("value", "double"), ("contribution", "double"))
        },
    },
)


class FeatureScratch:
    """Runs a feature program over the rows of one user, or of a few, again and again.

    Its tables and views are made once per day that is looked from, and filled anew for each user. Not for
    several threads at once: whoever shares one takes turns.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        From `warehouse.reading.open_scratch`; nothing else may be in it.
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
        self._filling: dict[str, list[str]] = {}
        _check_plans_hold(connection)
        self._laid_out_for: date | None = None
        program.create_seeds(connection)
        self._given = {*program.create_staged_tables(connection), SHOP_GAPS}
        create_table(connection, TableShape(SHOP_GAPS, SHOP_GAPS_COLUMNS))
        create_table(connection, SCORES)
        for name, rows in context.tables.items():
            self._insert(program.staged_tables[name].relation, rows, "*")

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
        self._lay_out(as_of_date)
        for name, table in rows.items():
            if name in self.program.staged_tables and len(table):
                relation = self.program.staged_tables[name].relation
                self._filled.add(relation)
                self._insert(relation, table, self._staging(name))
        self.connection.execute(f"insert into {SHOP_GAPS} values (?, ?)", [as_of_date, self._gap])
        self._run(FEATURES)

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
        self.connection.execute(f"delete from {SCORES.relation}")
        self._insert(SCORES.relation, scores, ", ".join(SCORES.columns))
        self._run(REASONS)
        found = self.connection.execute(f"select * from {REASONS}")
        names = [column[0] for column in found.description or ()]
        (row,) = found.fetchall()
        return dict(zip(names, row, strict=True))

    def forget(self) -> None:
        """Remove every row that was sent, so that the next user meets nothing of the one before."""
        for relation in (*self._filled, SHOP_GAPS, SCORES.relation):
            self.connection.execute(f"delete from {relation}")
        self._filled.clear()

    def _lay_out(self, as_of_date: date) -> None:
        """Make the program's tables and views for a day, if they do not stand for that day already."""
        if self._laid_out_for == as_of_date:
            return
        self._laid_out_for = None
        statements = {FEATURES: self._steps(self.program.steps(self._given), as_of_date)}
        if any(model.relation == REASONS for model in self.program.models):
            statements[REASONS] = self._steps(self.program.steps([FEATURES], REASONS), as_of_date)
        # last: a plan is thrown away with the next table or view that is made
        self._filling = {target: self._prepared(target, steps) for target, steps in statements.items()}
        self._laid_out_for = as_of_date

    def _steps(self, models: Sequence[Model], as_of_date: date) -> list[str]:
        """Make some models, and return the statements that fill their tables anew."""
        statements = []
        for model in models:
            query = model.query(as_of_date)
            make_schema(self.connection, model.relation)
            self.connection.execute(f"create or replace {model.materialized} {model.relation} as {query}")
            if model.materialized == "table":
                statements += [f"delete from {model.relation}", f"insert into {model.relation} {query}"]
        return statements

    def _prepared(self, target: str, statements: Sequence[str]) -> list[str]:
        """Let DuckDB plan statements once, which takes longer than to run them; returns what runs them."""
        names = [f"{target.replace('.', '_')}_{number}" for number in range(len(statements))]
        for name, statement in zip(names, statements, strict=True):
            self.connection.execute(f"prepare {name} as {statement}")
        return [f"execute {name}" for name in names]

    def _run(self, target: str) -> None:
        for statement in self._filling[target]:
            self.connection.execute(statement)

    def _staging(self, name: str) -> str:
        """Return the columns of arrived rows as staging would leave them."""
        table = self.program.contract[name]
        local = f"timezone('{self.program.time_zone}', timezone('UTC', {table.happened_at})) as local_at"
        added = [local] if table.happened_at else []
        columns = [f'"{column}"' for column in table.columns]
        return ", ".join([*columns, *added, "known_on", "superseded_on", "0 as changed_by_delivery"])

    def _insert(self, relation: str, rows: pa.Table, columns: str) -> None:
        self.connection.register(ARRIVING, rows)
        try:
            self.connection.execute(f"insert into {relation} by name select {columns} from {ARRIVING}")
        finally:
            self.connection.unregister(ARRIVING)


def _check_plans_hold(connection: duckdb.DuckDBPyConnection) -> None:
    """Refuse a connection whose plans are made for the rows that are there, and are wrong for others."""
    disabled = connection.execute("select current_setting('disabled_optimizers')").fetchall()[0][0]
    if "statistics_propagation" not in str(disabled).split(","):
        raise ValueError("open it with warehouse.reading.open_scratch: prepared plans must hold for any rows")

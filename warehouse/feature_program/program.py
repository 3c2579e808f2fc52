"""A feature program: the compiled models from the raw tables to `user_features`, in the order they run."""

import hashlib
import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from warehouse.contract import ContractTable
from warehouse.errors import ContractBreach, DamagedFile
from warehouse.settings import Settings

FEATURES = "features.user_features"
# Stands in the SQL where the day stands; a program serves any day.
DAY_MARK = "date '<as_of_date>'"
VERSION = 1
PROGRAM_NAME = "feature_program.json"


@dataclass(frozen=True)
class TableShape:
    """A table that somebody else fills: its name as ``schema.name``, and SQL types by column."""

    relation: str
    columns: dict[str, str]


@dataclass(frozen=True)
class Seed:
    """A seed that the features read, with its rows as texts; None is NULL."""

    relation: str
    columns: dict[str, str]
    rows: tuple[tuple[str | None, ...], ...]


@dataclass(frozen=True)
class Model:
    """One model.

    Attributes
    ----------
    relation : str
        Where it stands, as ``schema.name``.
    materialized : {"table", "view"}
        What dbt makes of it; an incremental model is a table that is built from the start.
    sql : str
        Compiled, with `DAY_MARK` for the day.
    reads : tuple of str
        Relations that it reads.
    """

    relation: str
    materialized: str
    sql: str
    reads: tuple[str, ...]

    def query(self, as_of_date: date) -> str:
        """Return the model's SQL for a day."""
        return self.sql.replace(DAY_MARK, f"date '{as_of_date.isoformat()}'")


@dataclass(frozen=True)
class FeatureProgram:
    """Everything that turns rows of a shop into features, without dbt.

    Attributes
    ----------
    source : str
        The shop whose staging it begins with.
    time_zone : str
        The shop's zone, by whose days everything counts.
    definition_id : str
        The definition of churn that says who is eligible.
    fingerprint : str
        Sha256 over the dbt project and what it was compiled for; equal programs have equal ones.
    raw_tables : tuple of TableShape
        What ingest writes and staging reads.
    seeds : tuple of Seed
        What a person wrote and the models read.
    contract : dict of str to ContractTable
        The source contract, by table.
    models : tuple of Model
        In the order they run: staging, intermediate, features.
    features : dict of str to str
        SQL types of `user_features` by column, as the program makes them.
    """

    source: str
    time_zone: str
    definition_id: str
    fingerprint: str
    raw_tables: tuple[TableShape, ...]
    seeds: tuple[Seed, ...]
    contract: dict[str, ContractTable]
    models: tuple[Model, ...]
    features: dict[str, str]

    def staged(self, table: str) -> str | None:
        """Return the relation of a table of the contract; None where the shop does not deliver it."""
        relation = f"staging.stg_{self.source}__{table}"
        return relation if any(model.relation == relation for model in self.models) else None

    @property
    def staged_tables(self) -> dict[str, TableShape]:
        """The staged tables of the contract that the shop delivers, by the contract's name."""
        found = ((name, self.staged(name)) for name in self.contract)
        return {
            name: TableShape(relation, self.contract[name].staged_columns)
            for name, relation in found
            if relation is not None
        }

    def seed_rows(self, name: str) -> list[dict[str, str | None]]:
        """Return the rows of a seed as texts, by column."""
        (seed,) = (seed for seed in self.seeds if seed.relation == f"seeds.{name}")
        return [dict(zip(seed.columns, row, strict=True)) for row in seed.rows]

    def steps(self, given: Collection[str] = (), target: str = FEATURES) -> tuple[Model, ...]:
        """Return the models that must run before `target` is there, when some relations are there already.

        Raises
        ------
        ContractBreach
            If a name is none of the program's.
        """
        by_relation = {model.relation: model for model in self.models}
        known = set(by_relation) | {seed.relation for seed in self.seeds}
        known |= {table.relation for table in self.raw_tables}
        strangers = sorted({*given, target} - known)
        if strangers:
            raise ContractBreach(
                f"The feature program of {self.source} has no such relation",
                ", ".join(strangers),
                "name relations as schema.name, as the program's models do",
            )
        needed, open_ends = set(), [target]
        while open_ends:
            relation = open_ends.pop()
            if relation in by_relation and relation not in given and relation not in needed:
                needed.add(relation)
                open_ends += by_relation[relation].reads
        return tuple(model for model in self.models if model.relation in needed)

    def create_raw_tables(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Make the empty raw tables that staging reads."""
        for table in self.raw_tables:
            create_table(connection, table)

    def create_staged_tables(self, connection: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
        """Make the empty staged tables of the contract, for who has rows in its columns already.

        Returns
        -------
        tuple of str
            Their relations: what `run` must be given.
        """
        for table in self.staged_tables.values():
            create_table(connection, table)
        return tuple(table.relation for table in self.staged_tables.values())

    def create_seeds(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Make the seeds that the models read, with their rows."""
        write_seeds(connection, self.seeds)

    def run(
        self,
        connection: duckdb.DuckDBPyConnection,
        as_of_date: date,
        *,
        given: Collection[str] = (),
        target: str = FEATURES,
    ) -> duckdb.DuckDBPyRelation:
        """Run the models over what stands in a scratch database, and return the features.

        Parameters
        ----------
        connection : duckdb.DuckDBPyConnection
            Holds the raw tables and seeds, or what is given; models that ran before are replaced.
        as_of_date : date
            The day whose features are made.
        given : collection of str
            Relations that are there already and stay as they are: the staged tables of a few users, or
            `intermediate.int_shop_gaps_measured`, which a few users cannot tell.
        target : str
            Where to stop; its rows are returned.
        """
        for model in self.steps(given, target):
            make_schema(connection, model.relation)
            connection.execute(
                f"create or replace {model.materialized} {model.relation} as {model.query(as_of_date)}"
            )
        return connection.table(target)

    def to_bytes(self) -> bytes:
        """Return the program as JSON that carries its own sha256."""
        content = {"version": VERSION, **asdict(self)}
        content["contract"] = [asdict(table) for table in self.contract.values()]
        return _as_json({**content, "sha256": hashlib.sha256(_as_json(content)).hexdigest()})

    @classmethod
    def from_bytes(cls, data: bytes, name: str = "the feature program") -> "FeatureProgram":
        """Read back what `to_bytes` gave.

        Raises
        ------
        DamagedFile
            If it is no such program, or was changed since it was written.
        """
        try:
            content: dict[str, Any] = json.loads(data)
            sha256 = content.pop("sha256")
            if hashlib.sha256(_as_json(content)).hexdigest() != sha256:
                raise DamagedFile(f"{name} was changed since it was written", sha256[:12], AGAIN)
            if content.pop("version") != VERSION:
                raise DamagedFile(f"{name} was written by another version of Holdfast", None, AGAIN)
            content["raw_tables"] = tuple(TableShape(**table) for table in content["raw_tables"])
            content["seeds"] = tuple(
                Seed(seed["relation"], seed["columns"], tuple(tuple(row) for row in seed["rows"]))
                for seed in content["seeds"]
            )
            content["contract"] = {
                table["name"]: ContractTable(**{**table, "key": tuple(table["key"])})
                for table in content["contract"]
            }
            content["models"] = tuple(
                Model(**{**model, "reads": tuple(model["reads"])}) for model in content["models"]
            )
            return cls(**content)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DamagedFile(f"{name} cannot be read", f"{type(error).__name__}: {error}", AGAIN) from error

    @classmethod
    def load(cls, path: Path) -> "FeatureProgram":
        """Read a program from a file.

        Raises
        ------
        DamagedFile
            If the file is missing, or is not what `to_bytes` gave.
        """
        try:
            data = path.read_bytes()
        except OSError as error:
            raise DamagedFile(f"The feature program {path} cannot be read", str(error), AGAIN) from error
        return cls.from_bytes(data, f"The feature program {path}")


def program_file(settings: Settings) -> Path:
    """Return where the program of the features that were built last is kept."""
    return settings.dbt_home / PROGRAM_NAME


def create_table(connection: duckdb.DuckDBPyConnection, table: TableShape, database: str = "") -> None:
    """Make an empty table, in place of one that is there; in an attached database if one is named."""
    relation = f"{database}.{table.relation}" if database else table.relation
    make_schema(connection, relation)
    columns = ", ".join(f'"{name}" {sql_type}' for name, sql_type in table.columns.items())
    connection.execute(f"create or replace table {relation} ({columns})")


def write_seeds(connection: duckdb.DuckDBPyConnection, seeds: Sequence[Seed]) -> None:
    """Make seeds with their rows, in place of those that are there."""
    for seed in seeds:
        create_table(connection, TableShape(seed.relation, seed.columns))
        if seed.rows:
            marks = ", ".join("?" for _ in seed.columns)
            connection.executemany(f"insert into {seed.relation} values ({marks})", list(seed.rows))


def make_schema(connection: duckdb.DuckDBPyConnection, relation: str) -> None:
    """Make the schema of a relation where there is none."""
    connection.execute(f"create schema if not exists {relation.rpartition('.')[0]}")


def in_order(models: Sequence[Model]) -> Iterator[Model]:
    """Yield models so that each follows those that it reads, and otherwise by name.

    Examples
    --------
    >>> late, early = Model("b.x", "view", "", ("a.y",)), Model("a.y", "table", "", ())
    >>> [model.relation for model in in_order([late, early])]
    ['a.y', 'b.x']
    """
    waiting = {model.relation: model for model in models}
    while waiting:
        ready = sorted(name for name, model in waiting.items() if not waiting.keys() & set(model.reads))
        if not ready:
            raise ContractBreach("Models read each other in a circle", ", ".join(sorted(waiting)))
        for name in ready:
            yield waiting.pop(name)


def _as_json(content: Any) -> bytes:
    return json.dumps(content, ensure_ascii=False, indent=1).encode()


AGAIN = "publish the day again: the program is compiled anew when it is not there"

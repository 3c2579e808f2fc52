"""The tiers' and alerts' own SQL, compiled once, to run beside the build file and without dbt.

The same models as the daily run's, as `warehouse.feature_program` does it for the features. Tiers and alerts
remember what was before them: those two are compiled as dbt runs them on the second day and later.
"""

import json
import tempfile
from collections.abc import Collection
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass, replace
from datetime import date
from io import StringIO
from pathlib import Path

import duckdb

from warehouse.connections import open_new
from warehouse.dbt_project import dbt_vars, run_dbt
from warehouse.errors import ContractBreach
from warehouse.feature_program import Model, Seed
from warehouse.feature_program.compiling import SENTINEL, TESTS, fingerprint_of, model_of, seeds_of
from warehouse.feature_program.program import TableShape, create_table, in_order, make_schema, write_seeds
from warehouse.settings import Settings

TIERS = "risk.user_risk_tiers_history"
LISTED = "reporting.at_risk_users"
RANKS = "reporting.int_users_ranked"
CONSEQUENCES = "reporting.tier_consequences"
RUN_INFO = "reporting.run_info"
ALERTS = "alerts.risk_alerts"
BASKETS = "alerts.int_baskets_abandoned"
TARGETS = (TIERS, LISTED, CONSEQUENCES, RUN_INFO, ALERTS)
REMEMBERING = (TIERS, ALERTS)
SELECT = (
    "path:models/marts/risk",
    "path:models/marts/alerts",
    *("int_users_ranked", "int_users_at_risk_listed", "at_risk_users", "tier_consequences", "run_info"),
    *("int_consents_granted", "int_users_left_alone"),
)
VERSION = 1


@dataclass(frozen=True)
class RiskProgram:
    """Compiled models and their seeds.

    Attributes
    ----------
    fingerprint : str
        Sha256 over the dbt project and what it was compiled for.
    models : tuple of Model
        In the order they run.
    seeds : tuple of Seed
        Every seed that they read.
    """

    fingerprint: str
    models: tuple[Model, ...]
    seeds: tuple[Seed, ...]

    def create_seeds(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Make the seeds, with their rows, in place of those that are there."""
        write_seeds(connection, self.seeds)

    def run(
        self,
        connection: duckdb.DuckDBPyConnection,
        as_of_date: date,
        target: str,
        given: Collection[str] = (),
        as_tables: Collection[str] = (),
    ) -> None:
        """Make a relation for a day from what stands in the connection's own database.

        Parameters
        ----------
        connection : duckdb.DuckDBPyConnection
            Holds what the models read from elsewhere; models that ran before are replaced.
        as_of_date : date
            The day.
        target : str
            The relation, as ``schema.name``.
        given : collection of str
            Relations that stay as they are.
        as_tables : collection of str
            Views that are made as tables, since they are read more than once.
        """
        by_relation = {model.relation: model for model in self.models}
        needed, open_ends = set(), [target]
        while open_ends:
            relation = open_ends.pop()
            if relation in by_relation and relation not in given and relation not in needed:
                needed.add(relation)
                open_ends += by_relation[relation].reads
        for model in self.models:
            if model.relation in needed:
                make_schema(connection, model.relation)
                kind = "table" if model.relation in as_tables else model.materialized
                connection.execute(f"create or replace {kind} {model.relation} as {model.query(as_of_date)}")


def current_risk_program(settings: Settings) -> RiskProgram:
    """Return the program of the project as it stands; compiled only if the project has changed since.

    It is kept in ``HOLDFAST_HOME/dbt/<source>/risk_program.json``.
    """
    kept = settings.dbt_home / "risk_program.json"
    fingerprint = fingerprint_of(settings)
    if kept.exists():
        program = _read(kept)
        if program is not None and program.fingerprint == fingerprint:
            return program
    program = compile_risk_program(settings)
    kept.parent.mkdir(parents=True, exist_ok=True)
    half = kept.with_suffix(".tmp")
    half.write_text(json.dumps({"version": VERSION, **asdict(program)}, ensure_ascii=False), encoding="utf-8")
    half.replace(kept)
    return program


def compile_risk_program(settings: Settings, day: date = SENTINEL) -> RiskProgram:
    """Let dbt compile the models of the risk tiers, of the list and of the alerts, over an empty database.

    Raises
    ------
    ContractBreach
        If the project cannot be compiled, or its SQL has the day where no date may stand.
    """
    with tempfile.TemporaryDirectory(prefix="holdfast-program-") as folder:
        aside = replace(settings, home=Path(folder))
        aside.build_file.parent.mkdir(parents=True)
        with open_new(aside.build_file) as connection:
            for relation in REMEMBERING:
                # where these stand, dbt compiles what it runs on the second day and later
                create_table(connection, TableShape(relation, {"as_of_date": "date"}))
        variables = dbt_vars(aside, [day])
        run_dbt(aside, ["seed", "--quiet"], variables)
        with redirect_stdout(StringIO()):
            outcome = run_dbt(
                aside,
                ["compile", "--quiet", "--exclude", *TESTS, "--select", *SELECT],
                variables,
            )
        nodes = [result.node for result in outcome.results if str(result.node.resource_type) == "model"]
        models = tuple(in_order([_without_itself(model_of(node, day)) for node in nodes]))
        read = {relation for model in models for relation in model.reads}
        seeds = seeds_of(
            aside, sorted(name.removeprefix("seeds.") for name in read if name.startswith("seeds."))
        )
    missing = sorted(set(TARGETS) - {model.relation for model in models})
    if missing:
        raise ContractBreach("The dbt project lacks models that a refresh runs", missing, "name them in it")
    return RiskProgram(fingerprint_of(settings), models, seeds)


def _without_itself(model: Model) -> Model:
    """Return a model that remembers as one that waits only for others."""
    return replace(model, reads=tuple(one for one in model.reads if one != model.relation))


def _read(path: Path) -> RiskProgram | None:
    """Read a program that was kept; None if it cannot be used: it is compiled anew then."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["version"] != VERSION:
            return None
        return RiskProgram(
            content["fingerprint"],
            tuple(Model(**{**model, "reads": tuple(model["reads"])}) for model in content["models"]),
            tuple(
                Seed(seed["relation"], seed["columns"], tuple(tuple(row) for row in seed["rows"]))
                for seed in content["seeds"]
            ),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None

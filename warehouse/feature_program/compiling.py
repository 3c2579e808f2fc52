"""Asks dbt for the features' SQL, as a first build runs it, and keeps it until the project changes."""

import hashlib
import json
import re
import tempfile
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any

import duckdb

from warehouse.connections import open_read_only
from warehouse.contract import load_contract
from warehouse.dbt_project import dbt_vars, read_project, run_dbt
from warehouse.errors import ContractBreach, DamagedFile, HoldfastError
from warehouse.feature_program.program import (
    DAY_MARK,
    FEATURES,
    FeatureProgram,
    Model,
    Seed,
    TableShape,
    in_order,
    program_file,
)
from warehouse.ingest.tables import META_COLUMNS
from warehouse.ingest.typing_rules import sql_type
from warehouse.reading import open_scratch
from warehouse.settings import Settings
from warehouse.sources import Source, load_source

SEEDS = ("churn_definitions", "complaint_words", "reason_texts")
# user_features with all it reads, and what puts the reasons of a score into sentences
MODELS = ("+user_features", "int_reasons_listed", "int_reasons_worded")
TESTS = ("resource_type:test", "resource_type:unit_test")
# No shop has rows of this day, and no SQL names it: wherever it stands, the as_of_date stands.
SENTINEL = date(1111, 11, 11)
PROJECT_FILES = ("*.sql", "*.yml", "*.csv")


def current_program(settings: Settings) -> FeatureProgram:
    """Return the program of the project as it stands; compiled only if the project has changed since.

    It is kept in ``HOLDFAST_HOME/dbt/<source>/feature_program.json``, where publishing finds it.
    """
    kept = program_file(settings)
    if kept.exists():
        try:
            program = FeatureProgram.load(kept)
        except DamagedFile:
            kept.unlink()  # made anew below
        else:
            if program.fingerprint == fingerprint_of(settings):
                return program
    program = compile_program(settings)
    kept.parent.mkdir(parents=True, exist_ok=True)
    half = kept.with_suffix(".tmp")
    half.write_bytes(program.to_bytes())
    half.replace(kept)
    return program


def keep_program(settings: Settings) -> str | None:
    """Keep the program of the project as it stands, for publishing; says why where there is none.

    A project that dbt has just built may still have SQL that cannot stand alone, for instance a staging model
    that reads more than raw tables. Its list goes out like any other; users are not scored on demand.
    """
    try:
        current_program(settings)
    except (HoldfastError, duckdb.Error) as error:
        program_file(settings).unlink(missing_ok=True)
        return str(error)
    return None


def compile_program(settings: Settings, day: date = SENTINEL) -> FeatureProgram:
    """Compile the models up to `user_features` and their seeds, and run them once over no rows.

    dbt works in a folder of its own: the build file is neither read nor waited for.

    Parameters
    ----------
    settings : Settings
        Names the source, the definition in force and the dbt project.
    day : date
        A day that nothing in the project names; it is marked wherever it stands in the SQL.

    Returns
    -------
    FeatureProgram

    Raises
    ------
    ContractBreach
        If the project cannot be compiled, or its SQL has the day where no date may stand.
    """
    source = load_source(settings.source, settings.dbt_project)
    with tempfile.TemporaryDirectory(prefix="holdfast-program-") as folder:
        aside = replace(settings, home=Path(folder))
        variables = dbt_vars(aside, [day], source=source)
        read = read_project(settings, variables)
        manifest = read.result if read.success else None  # read aside, it fails with its reason
        run_dbt(aside, ["seed", "--quiet", "--select", *SEEDS], variables, manifest=manifest)
        # --full-refresh: what a first build runs, which reads everything and no older state
        arguments = ["compile", "--quiet", "--full-refresh", "--exclude", *TESTS]
        arguments += ["--select", *MODELS, f"path:models/staging/{source.name}"]
        # dbt prints what it was asked for by name
        with redirect_stdout(StringIO()):
            outcome = run_dbt(aside, arguments, variables, manifest=manifest)
        seeds = seeds_of(aside, SEEDS)
    compiled = (result.node for result in outcome.results)
    models = [model_of(node, day) for node in compiled if str(node.resource_type) == "model"]
    program = FeatureProgram(
        source=source.name,
        time_zone=source.time_zone,
        definition_id=settings.definition_id,
        fingerprint=fingerprint_of(settings),
        raw_tables=_raw_tables(source),
        seeds=seeds,
        contract=load_contract(settings.dbt_project),
        models=tuple(in_order(models)),
        features={},
    )
    return replace(program, features=_tried(program))


def fingerprint_of(settings: Settings) -> str:
    """Return a sha256 over the dbt project's files and the variables that it is compiled with."""
    digest = hashlib.sha256(json.dumps(dbt_vars(settings, [SENTINEL]), sort_keys=True).encode())
    for folder in ("models", "macros", "seeds"):
        for path in sorted(p for kind in PROJECT_FILES for p in (settings.dbt_project / folder).rglob(kind)):
            digest.update(f"\n{path.relative_to(settings.dbt_project)}\n".encode())
            digest.update(path.read_bytes())
    digest.update((settings.dbt_project / "dbt_project.yml").read_bytes())
    return digest.hexdigest()


def _raw_tables(source: Source) -> tuple[TableShape, ...]:
    return tuple(
        TableShape(
            f"{table.schema}.{table.identifier}",
            {**{column.name: sql_type(column) for column in table.columns}, **dict(META_COLUMNS)},
        )
        for table in source.tables
        if table.schema == "raw"
    )


def seeds_of(aside: Settings, names: Sequence[str]) -> tuple[Seed, ...]:
    """Read seeds from a database that dbt has filled with them, in the types that dbt gave them."""
    found = []
    with open_read_only(aside.build_file) as connection:
        for name in names:
            relation = f"seeds.{name}"
            described = connection.execute(f"describe {relation}").fetchall()
            columns = {str(column): str(kind) for column, kind, *_ in described}
            texts = ", ".join(f'cast("{column}" as varchar)' for column in columns)
            rows = connection.execute(f"select {texts} from {relation} order by all").fetchall()
            found.append(Seed(relation, columns, tuple(rows)))
    return tuple(found)


def model_of(node: Any, day: date) -> Model:
    """Return a model that dbt compiled for a day, with the day marked.

    Raises
    ------
    ContractBreach
        If its SQL has the day where no date may stand.
    """
    compiled, database = str(node.compiled_code).strip(), re.escape(f'"{node.database}".')
    reads = {".".join(names) for names in re.findall(rf'{database}"(\w+)"\."(\w+)"', compiled)}
    # in one database: its name goes, and the schemas stay
    marked = re.sub(database, "", compiled).replace(f"date '{day.isoformat()}'", DAY_MARK)
    if day.isoformat() in marked:
        raise ContractBreach(
            f"{node.original_file_path} uses the as_of_date elsewhere than as a date",
            day.isoformat(),
            "write it as the macro as_of_dates() gives it: date '2011-09-09'",
        )
    return Model(
        relation=f"{node.schema}.{node.alias}",
        materialized="view" if node.config.materialized == "view" else "table",
        sql=marked,
        reads=tuple(sorted(reads)),
    )


def _tried(program: FeatureProgram) -> dict[str, str]:
    """Run the program over no rows: that its SQL stands alone is known before anybody relies on it."""
    with open_scratch() as connection:
        program.create_raw_tables(connection)
        program.create_seeds(connection)
        program.run(connection, SENTINEL)
        described = connection.execute(f"describe {FEATURES}").fetchall()
    return {str(column): str(kind) for column, kind, *_ in described}

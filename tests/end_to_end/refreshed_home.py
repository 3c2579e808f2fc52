"""A small shop with one published day, made without a training, and one round of the refresh over it.

The day is made by the models' own SQL as it is compiled for refreshes: dbt would take a minute for it.
As a program it does one round and dies where it is told to, as if it were killed there.
"""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import duckdb

from benchmarks.one_day import made_up_model, make_missing_tables
from dags.wiring.refreshing import Refreshed, refresh
from ml.dataset import load_themes
from ml.model import ChurnModel
from ml.scoring import score
from ml.tables import prepare_tables
from tests.end_to_end.homes import must
from warehouse.connections import open_build
from warehouse.control_tables import copy_control_tables
from warehouse.feature_program.compiling import current_program
from warehouse.ingest import ingest
from warehouse.intraday.risk_program import (
    ALERTS,
    CONSEQUENCES,
    LISTED,
    RUN_INFO,
    TIERS,
    RiskProgram,
    current_risk_program,
)
from warehouse.ledger import Ledger, Run
from warehouse.publish import publish
from warehouse.settings import Settings

DAY = date(2026, 3, 20)
NEXT_DAY = DAY + timedelta(days=1)
USERS, DAYS, SEED = 250, 70, 7
KILLED = 137
REMEMBERED_TIERS = (
    "as_of_date date, user_id varchar, risk_tier varchar, model_tier varchar, tier_since date, "
    "previous_risk_tier varchar, previous_model_tier varchar, previous_tier_since date, "
    "previous_as_of_date date"
)


def settings_of(home: Path) -> Settings:
    return Settings.from_environment(
        {"HOLDFAST_HOME": str(home), "HOLDFAST_SOURCE": "sample_shop", "HOLDFAST_MEMORY_LIMIT": "1GB"}
    )


def make_home(home: Path) -> Settings:
    """Deliver the shop and publish DAY."""
    shop = ["--users", str(USERS), "--days", str(DAYS), "--seed", str(SEED), "--last-day", str(DAY)]
    must(home, "sample_shop", *shop, "--home", str(home))
    settings = settings_of(home)
    with Ledger.open(settings) as ledger:
        build_day(settings, ledger, DAY)
    return settings


def build_day(settings: Settings, ledger: Ledger, day: date) -> Run:
    """Do what the DAGs do for a day, without gates and campaigns."""
    ingest(settings, ledger, progress=lambda _line: None)
    features, risk = current_program(settings), current_risk_program(settings)
    run = ledger.begin_run("features", settings.source, day)
    with open_build(settings) as connection:
        features.create_seeds(connection)
        for shape in features.staged_tables.values():
            features.run(connection, day, target=shape.relation)
        features.run(connection, day)
    ledger.record_built_day(run)
    ledger.finish_run(run)
    model = the_model(settings)
    run = ledger.begin_run("score", settings.source, day)
    with open_build(settings) as connection:
        prepare_tables(connection)
        themes = load_themes(settings.dbt_project / "seeds" / "reason_texts.csv")
        score(connection, as_of_date=day, model=model, run_id=run.run_id, themes=themes)
    make_missing_tables(settings, ("campaigns.", "recommendations."))
    copy_control_tables(settings, ledger, run)
    with open_build(settings) as connection:
        _make_risk(connection, risk, day)
    make_missing_tables(settings, ("",))
    publish(settings, ledger, run)
    ledger.finish_run(run)
    return run


def _make_risk(connection: duckdb.DuckDBPyConnection, risk: RiskProgram, day: date) -> None:
    """Make tiers, list and alerts of a day beside those of the days before."""
    risk.create_seeds(connection)
    connection.execute("create schema if not exists risk; create schema if not exists alerts")
    connection.execute(f"create table if not exists {TIERS} ({REMEMBERED_TIERS})")
    connection.execute(f"create table if not exists {ALERTS} (as_of_date date, alert_id varchar)")
    for relation in (TIERS, ALERTS):
        connection.execute(f"create or replace temp table before as from {relation}")
        risk.run(connection, day, relation, given={TIERS} - {relation})
        connection.execute(f"insert into {relation} by name from before where as_of_date < date '{day}'")
    for relation in (LISTED, CONSEQUENCES, RUN_INFO):
        risk.run(connection, day, relation, given=[TIERS])
    connection.execute(
        "create or replace view reporting.user_features_latest as from features.user_features;"
        "create or replace view reporting.churn_scores_history as from ml.churn_scores"
    )


def the_model(settings: Settings) -> ChurnModel:
    """Return the model of the home: the same whenever it is asked for."""
    kept = settings.home / "model.parquet"
    with open_build(settings) as connection:
        if not kept.exists():
            connection.execute(f"copy features.user_features to '{kept}' (format parquet)")
    with duckdb.connect() as connection:
        connection.execute(f"create schema features; create table features.user_features as from '{kept}'")
        return made_up_model(connection, DAY)


@contextmanager
def loads_the_model(settings: Settings) -> Iterator[None]:
    """Let a refresh load the model that scored the list."""
    model = the_model(settings)
    with patch("ml.registry.load_model", lambda _version, _models: model):
        yield


def one_round(settings: Settings, **how: Any) -> Refreshed:
    with loads_the_model(settings), Ledger.open(settings) as ledger:
        return refresh(settings, ledger, progress=lambda _line: None, **how)


def land(settings: Settings, name: str, files: dict[str, str]) -> None:
    """Put further files into the folder of DAY, as a shop does that delivers during the day."""
    folder = settings.landing / str(DAY)
    manifest = json.loads((folder / "_manifest.json").read_text())
    for table, text in files.items():
        file = f"{table}-{name}.{'jsonl' if text.startswith('{') else 'csv'}"
        (folder / file).write_text(text)
        manifest["files"].append({"name": file})
    (folder / "_manifest.json").write_text(json.dumps(manifest))


if __name__ == "__main__":
    with patch(sys.argv[2], lambda *_given, **_named: os._exit(KILLED)):
        one_round(settings_of(Path(sys.argv[1])))

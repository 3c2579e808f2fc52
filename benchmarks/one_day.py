"""A home with one published day of a small simulated shop, made without a training."""

import dataclasses
from datetime import date

import duckdb
import numpy as np

from ml.candidates import candidate_named
from ml.dataset import load_features, load_themes, table_schema
from ml.features import discover_features
from ml.model import ChurnModel, fit_model
from ml.scoring import score
from ml.tables import prepare_tables
from warehouse.connections import open_build
from warehouse.control_tables import copy_control_tables
from warehouse.dbt_project import dbt_vars, run_dbt
from warehouse.ingest import ingest
from warehouse.ledger import Ledger, Run
from warehouse.publish.tables import PUBLISHED_TABLES
from warehouse.settings import Settings

MODELS = ("build", "--quiet", "--resource-type", "model", "--resource-type", "seed")
# The part of the selector `risk` that a refresh reads or changes; campaigns are there, and empty.
RISK = (
    *("path:seeds", "path:models/marts/risk", "path:models/marts/alerts"),
    *("int_users_ranked", "int_users_at_risk_listed", "int_consents_granted", "int_users_left_alone"),
    *("at_risk_users", "tier_consequences", "run_info", "churn_scores_history", "user_features_latest"),
    *("churn_scores_by_definition", "data_quality_report"),
)
EMPTY = ("campaigns.", "recommendations.")


def build_features(settings: Settings, ledger: Ledger, day: date) -> None:
    """Take what has landed and build the features of a day, as the DAGs do, without gates."""
    ingest(settings, ledger, progress=lambda _line: None)
    run = ledger.begin_run("features", settings.source, day)
    run_dbt(settings, [*MODELS, "--selector", "features"], dbt_vars(settings, [day], run_id=run.run_id))
    ledger.record_built_day(run)
    ledger.finish_run(run)


def build_risk(settings: Settings, ledger: Ledger, day: date, model: ChurnModel) -> Run:
    """Score a day with a model and make everything that is published of it; returns the run to publish."""
    run = ledger.begin_run("score", settings.source, day)
    with open_build(settings) as connection:
        prepare_tables(connection)
        themes = load_themes(settings.dbt_project / "seeds" / "reason_texts.csv")
        score(connection, as_of_date=day, model=model, run_id=run.run_id, themes=themes)
    make_missing_tables(settings, EMPTY)
    copy_control_tables(settings, ledger, run)
    run_dbt(settings, [*MODELS, "--select", *RISK], dbt_vars(settings, [day], run_id=run.run_id))
    make_missing_tables(settings, ("",))
    return run


def made_up_model(
    connection: duckdb.DuckDBPyConnection, day: date, candidate: str = "logistic_regression"
) -> ChurnModel:
    """Fit a model on the features of a day and made-up labels: who was away for long has churned."""
    frame = load_features(connection, day)
    features = discover_features(table_schema(connection))
    odds = 0.05 * frame["days_since_last_paid_order"].to_numpy(dtype=float) - 1.0
    chance = np.random.default_rng(1).random(len(frame))
    frame["churned"] = (chance < 1 / (1 + np.exp(-odds))).astype(np.int64)
    model, _ = fit_model(
        candidate_named(candidate), frame, features, trained_as_of=day, horizon_days=90, seed=0
    )
    return dataclasses.replace(model, model_version="made-up-model")


def make_missing_tables(settings: Settings, beginnings: tuple[str, ...]) -> None:
    """Make the published tables that nothing here fills, empty, with the columns that are read of them."""
    with open_build(settings) as connection:
        for table in PUBLISHED_TABLES:
            if table.relation.startswith(beginnings):
                connection.execute(f"create schema if not exists {table.relation.split('.')[0]}")
                connection.execute(
                    f"create table if not exists {table.relation} ({table.day_column} date, "
                    "experiment_id varchar, arm varchar, user_id varchar, run_id varchar)"
                )

"""The tables of the schema `ml`: their columns, and how they come to be before anything reads them."""

from collections.abc import Mapping

import duckdb
import pandas as pd
import pyarrow as pa

from warehouse.control_campaigns import prepare_control_tables

DEFINITION_SCORES = "ml.definition_scores"
REPORT = "ml.model_report"
BACKTEST = "ml.model_backtest"
SLICES = "ml.model_slices"
IMPORTANCE = "ml.model_importance"
LEARNING_CURVE = "ml.model_learning_curve"
CURVES = "ml.model_curves"
HEALTH = "ml.model_health"
ACTION_CHOICES = "ml.action_choices"
UPLIFT_SCORES = "ml.uplift_scores"
UPLIFT_REPORT = "ml.uplift_report"

Columns = Mapping[str, str]

# What every report on a training begins with.
TRAINING_COLUMNS = {
    "model_version": "varchar not null",
    "trained_as_of": "date not null",
    "definition_id": "varchar not null",
    "candidate": "varchar not null",
}
FIGURE_COLUMNS = {"metric": "varchar not null", "value": "double", "lower": "double", "upper": "double"}

DEFINITION_SCORE_COLUMNS = {
    "as_of_date": "date not null",
    "user_id": "varchar not null",
    "definition_id": "varchar not null",
    "churn_probability": "double not null",
    "churn_percentile": "double not null",
    "churn_decile": "integer not null",
    "horizon_days": "integer not null",
    "model_version": "varchar not null",
    "run_id": "varchar not null",
}
REPORT_COLUMNS = {
    **TRAINING_COLUMNS,
    **FIGURE_COLUMNS,
    "test_as_of_date": "date",
    "horizon_days": "integer not null",
    "note": "varchar not null",
}
BACKTEST_COLUMNS = {
    **TRAINING_COLUMNS,
    "as_of_date": "date not null",
    "users": "bigint not null",
    "churn_rate": "double not null",
    "training_rows": "bigint not null",
    **FIGURE_COLUMNS,
}
SLICES_COLUMNS = {
    **TRAINING_COLUMNS,
    "slice_name": "varchar not null",
    "slice_value": "varchar not null",
    "users": "bigint not null",
    "churned": "bigint not null",
    "is_small": "boolean not null",
    **FIGURE_COLUMNS,
}
IMPORTANCE_COLUMNS = {
    **TRAINING_COLUMNS,
    "feature": "varchar not null",
    "theme": "varchar not null",
    "importance": "double not null",
    "lower": "double",
    "upper": "double",
    "importance_rank": "integer not null",
}
LEARNING_CURVE_COLUMNS = {
    **TRAINING_COLUMNS,
    "snapshots": "integer not null",
    "history_days": "integer not null",
    "training_rows": "bigint not null",
    **FIGURE_COLUMNS,
}
CURVES_COLUMNS = {
    **TRAINING_COLUMNS,
    "curve": "varchar not null",
    "point": "integer not null",
    "x": "double not null",
    "y": "double not null",
    "users": "bigint not null",
}
HEALTH_COLUMNS = {
    "as_of_date": "date not null",
    "model_version": "varchar not null",
    "definition_id": "varchar not null",
    "check_kind": "varchar not null",
    "subject": "varchar not null",
    "statistic": "double",
    "p_value": "double",
    "threshold": "double",
    "is_alarm": "boolean not null",
    "sample_size": "bigint not null",
    "message": "varchar not null",
    "run_id": "varchar not null",
}

ACTION_CHOICE_COLUMNS = {
    "as_of_date": "date not null",
    "user_id": "varchar not null",
    "campaign_id": "varchar not null",
    "expected_net_value": "double not null",
    "policy_mode": "varchar not null",
    "choice_rank": "bigint not null",
    "run_id": "varchar not null",
}
UPLIFT_SCORE_COLUMNS = {
    "as_of_date": "date not null",
    "user_id": "varchar not null",
    "campaign_id": "varchar not null",
    "uplift_probability": "double not null",
    "uplift_margin": "double not null",
    "model_version": "varchar not null",
}
UPLIFT_REPORT_COLUMNS = {
    "trained_as_of": "date not null",
    "campaign_id": "varchar not null",
    "learner": "varchar not null",
    "outcome": "varchar not null",
    "metric": "varchar not null",
    "estimate": "double",
    "low": "double",
    "high": "double",
    "rows": "bigint not null",
    "is_in_force": "boolean not null",
    "note": "varchar not null",
    "model_version": "varchar",
}

TABLES: Mapping[str, Columns] = {
    DEFINITION_SCORES: DEFINITION_SCORE_COLUMNS,
    REPORT: REPORT_COLUMNS,
    BACKTEST: BACKTEST_COLUMNS,
    SLICES: SLICES_COLUMNS,
    IMPORTANCE: IMPORTANCE_COLUMNS,
    LEARNING_CURVE: LEARNING_CURVE_COLUMNS,
    CURVES: CURVES_COLUMNS,
    HEALTH: HEALTH_COLUMNS,
    ACTION_CHOICES: ACTION_CHOICE_COLUMNS,
    UPLIFT_SCORES: UPLIFT_SCORE_COLUMNS,
    UPLIFT_REPORT: UPLIFT_REPORT_COLUMNS,
}


def prepare_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the tables that dbt reads and nothing may have been written to yet.

    A table that came back from a snapshot of an earlier version, or was made by one, gains the columns that
    it lacks; they are NULL in its rows. Nothing is removed. The tables of
    campaigns in the schema `control` are made too; the ledger's facts are copied into them later.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The open build file.
    """
    for table, columns in TABLES.items():
        declared = ", ".join(f"{name} {sql_type}" for name, sql_type in columns.items())
        connection.execute(f"create table if not exists {table} ({declared})")
        for name, sql_type in columns.items():
            plain = sql_type.removesuffix(" not null")
            connection.execute(f"alter table {table} add column if not exists {name} {plain}")
    prepare_control_tables(connection)


def replace_rows(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    columns: Mapping[str, str],
    frame: pd.DataFrame,
    key: Mapping[str, object],
) -> None:
    """Replace the rows of a table that have a key by those of a frame, in one transaction, through Arrow."""
    declared = ", ".join(f"{name} {sql_type}" for name, sql_type in columns.items())
    rows = pa.Table.from_pandas(frame[list(columns)], preserve_index=False)
    condition = " and ".join(f"{name} = ?" for name in key)
    connection.execute("begin transaction")
    try:
        connection.execute(f"create table if not exists {table} ({declared})")
        connection.execute(f"delete from {table} where {condition}", list(key.values()))
        connection.register("rows_to_write", rows)
        connection.execute(f"insert into {table} by name select * from rows_to_write")
        connection.execute("commit")
    except duckdb.Error:
        connection.execute("rollback")
        raise
    finally:
        connection.unregister("rows_to_write")

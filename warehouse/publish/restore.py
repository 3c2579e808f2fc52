"""Giving a new build file the history that only published snapshots still hold."""

import duckdb

from warehouse.publish.kept import kept_snapshots
from warehouse.publish.manifest import DATABASE_NAME, verify_snapshot
from warehouse.settings import Settings

# What earlier days were told, and what they remembered, is not computed again: it comes back from a snapshot.
REMEMBERED = {
    "user_risk_tiers_history": ("risk", "user_risk_tiers_history"),
    "churn_scores_history": ("ml", "churn_scores"),
    "churn_scores_by_definition": ("ml", "definition_scores"),
    "risk_alerts": ("alerts", "risk_alerts"),
    **{
        name: ("ml", name)
        for name in (
            *("model_report", "model_backtest", "model_slices", "model_importance"),
            *("model_learning_curve", "model_curves", "model_health", "uplift_report"),
        )
    },
}


def history_tables(settings: Settings, connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Copy remembered history from the newest snapshot into a build file that lacks it.

    Parameters
    ----------
    settings : Settings
        Says where the published folder is and which source is active.
    connection : duckdb connection
        The build file, open for writing.

    Returns
    -------
    dict
        Rows restored by relation; empty if nothing is published for this source.

    Raises
    ------
    DamagedFile
        If the snapshot fails its checksums: a damaged memory is not taken over.
    """
    # what a refresh replaced is not what the day remembered
    kept = [pair for pair in kept_snapshots(settings, settings.source) if not pair[0].is_intraday]
    if not kept:
        return {}
    _, folder = kept[-1]
    manifest = verify_snapshot(folder)
    restored = {}
    path = str(folder / DATABASE_NAME).replace("'", "''")
    connection.execute(f"attach '{path}' as snapshot (read_only)")
    try:
        for name, (schema, relation) in REMEMBERED.items():
            if name not in manifest.tables or _exists(connection, schema, relation):
                continue
            connection.execute(f"create schema if not exists {schema}")
            connection.execute(f"create table {schema}.{relation} as from snapshot.{name}")
            restored[f"{schema}.{relation}"] = manifest.tables[name].rows
    finally:
        connection.execute("detach snapshot")
    return restored


def _exists(connection: duckdb.DuckDBPyConnection, schema: str, name: str) -> bool:
    rows = connection.execute(
        "select count(*) from duckdb_tables() "
        "where database_name = current_database() and schema_name = ? and table_name = ?",
        [schema, name],
    ).fetchall()
    return bool(rows[0][0])

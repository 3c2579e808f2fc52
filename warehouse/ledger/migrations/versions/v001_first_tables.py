"""Make the first tables: runs, deliveries, gates, publishes, models."""

import sqlalchemy as sa
from alembic import op

revision = "001"
down_revision = None
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create every table of the first ledger."""
    op.create_table(
        "counters",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("value", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_counters"),
    )
    op.create_table(
        "runs",
        sa.Column("run_id", sa.String(64), nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("source", sa.String(128), nullable=False),
        sa.Column("as_of_date", sa.Date, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("trigger", sa.String(64), nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("finished_at", MOMENT),
        sa.Column("reason", sa.Text),
        sa.PrimaryKeyConstraint("run_id", name="pk_runs"),
        sa.UniqueConstraint("epoch", name="uq_runs_epoch"),
    )
    op.create_index("ix_runs_source_kind_as_of_date", "runs", ["source", "kind", "as_of_date"])
    op.create_table(
        "deliveries",
        sa.Column("delivery_id", sa.String(200), nullable=False),
        sa.Column("delivery_number", sa.BigInteger, nullable=False),
        sa.Column("source", sa.String(128), nullable=False),
        sa.Column("delivery_date", sa.Date, nullable=False),
        sa.Column("known_on", sa.Date, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("rows_received", sa.BigInteger, nullable=False),
        sa.Column("rows_accepted", sa.BigInteger, nullable=False),
        sa.Column("rows_quarantined", sa.BigInteger, nullable=False),
        sa.Column("rows_duplicate", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("quarantine_reasons_json", sa.Text, nullable=False),
        sa.Column("manifest_json", sa.Text),
        sa.Column("run_id", sa.String(64)),
        sa.Column("ingested_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("delivery_id", name="pk_deliveries"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.run_id"], name="fk_deliveries_run_id_runs"),
        sa.UniqueConstraint("delivery_number", name="uq_deliveries_delivery_number"),
    )
    op.create_index("ix_deliveries_source_delivery_date", "deliveries", ["source", "delivery_date"])
    op.create_table(
        "delivery_files",
        sa.Column("delivery_id", sa.String(200), nullable=False),
        sa.Column("relative_path", sa.String(700), nullable=False),
        sa.Column("table_name", sa.String(128), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("rows_received", sa.BigInteger, nullable=False),
        sa.Column("rows_accepted", sa.BigInteger, nullable=False),
        sa.Column("rows_quarantined", sa.BigInteger, nullable=False),
        sa.Column("rows_duplicate", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("delivery_id", "relative_path", name="pk_delivery_files"),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["deliveries.delivery_id"], name="fk_delivery_files_delivery_id_deliveries"
        ),
    )
    op.create_index("ix_delivery_files_sha256", "delivery_files", ["sha256"])
    op.create_table(
        "built_days",
        sa.Column("source", sa.String(128), nullable=False),
        sa.Column("as_of_date", sa.Date, nullable=False),
        sa.Column("run_id", sa.String(64), nullable=False),
        sa.Column("features_digest", sa.String(64)),
        sa.Column("built_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("source", "as_of_date", name="pk_built_days"),
    )
    op.create_table(
        "gate_results",
        sa.Column("run_id", sa.String(64), nullable=False),
        sa.Column("gate", sa.String(64), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("suite", sa.String(128), nullable=False),
        sa.Column("expectation", sa.String(256), nullable=False),
        sa.Column("column_name", sa.String(256)),
        sa.Column("success", sa.Boolean, nullable=False),
        sa.Column("observed", sa.Text),
        sa.Column("expected", sa.Text),
        sa.Column("message", sa.Text),
        sa.Column("checked_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("run_id", "gate", "position", name="pk_gate_results"),
    )
    op.create_table(
        "publishes",
        sa.Column("run_id", sa.String(64), nullable=False),
        sa.Column("source", sa.String(128), nullable=False),
        sa.Column("as_of_date", sa.Date, nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("snapshot_path", sa.String(700), nullable=False),
        sa.Column("manifest_sha256", sa.String(64), nullable=False),
        sa.Column("model_version", sa.String(128)),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("pointer_moved", sa.Boolean, nullable=False),
        sa.Column("prepared_at", MOMENT, nullable=False),
        sa.Column("published_at", MOMENT),
        sa.Column("rolled_back_at", MOMENT),
        sa.PrimaryKeyConstraint("run_id", name="pk_publishes"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.run_id"], name="fk_publishes_run_id_runs"),
    )
    op.create_table(
        "pointer_moves",
        sa.Column("move_number", sa.BigInteger, nullable=False),
        sa.Column("run_id", sa.String(64), nullable=False),
        sa.Column("from_run_id", sa.String(64)),
        sa.Column("why", sa.String(16), nullable=False),
        sa.Column("moved_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("move_number", name="pk_pointer_moves"),
        sa.ForeignKeyConstraint(["run_id"], ["publishes.run_id"], name="fk_pointer_moves_run_id_publishes"),
    )
    op.create_table(
        "models",
        sa.Column("model_version", sa.String(128), nullable=False),
        sa.Column("source", sa.String(128), nullable=False),
        sa.Column("trained_as_of", sa.Date, nullable=False),
        sa.Column("horizon_days", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("path", sa.String(700), nullable=False),
        sa.Column("metrics_json", sa.Text, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("model_version", name="pk_models"),
    )
    op.create_index("ix_models_source_trained_as_of", "models", ["source", "trained_as_of"])
    op.create_table(
        "model_uses",
        sa.Column("source", sa.String(128), nullable=False),
        sa.Column("as_of_date", sa.Date, nullable=False),
        sa.Column("model_version", sa.String(128), nullable=False),
        sa.Column("run_id", sa.String(64)),
        sa.Column("pinned_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("source", "as_of_date", name="pk_model_uses"),
    )
    op.execute("insert into counters (name, value) values ('epoch', 0), ('delivery', 0), ('pointer_move', 0)")

"""The ledger's tables. A change here needs a migration; a test compares the two."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

HEAD = "007"


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC, aware on the way in and on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:  # noqa: ARG002
        """Refuse moments without a zone and store the rest in UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a moment in the ledger needs a zone: {value!r}")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Give back UTC; SQLite forgets the zone that it was handed."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# Numbers that only ever grow: run epochs, delivery numbers, pointer moves, decisions, entries of the audit.
counters = Table(
    "counters",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", BigInteger, nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("run_id", String(64), primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    Column("kind", String(64), nullable=False),
    Column("source", String(128), nullable=False),
    Column("as_of_date", Date, nullable=False),
    Column("status", String(16), nullable=False),
    Column("trigger", String(64), nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    Column("reason", Text),
    UniqueConstraint("epoch"),
    Index(None, "source", "kind", "as_of_date"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("delivery_id", String(200), primary_key=True),
    Column("delivery_number", BigInteger, nullable=False),
    Column("source", String(128), nullable=False),
    Column("delivery_date", Date, nullable=False),
    Column("known_on", Date, nullable=False),
    Column("status", String(16), nullable=False),
    Column("rows_received", BigInteger, nullable=False),
    Column("rows_accepted", BigInteger, nullable=False),
    Column("rows_quarantined", BigInteger, nullable=False),
    Column("rows_duplicate", BigInteger, nullable=False),
    Column("reason", Text),
    Column("quarantine_reasons_json", Text, nullable=False),
    Column("manifest_json", Text),
    Column("run_id", String(64), ForeignKey("runs.run_id")),
    Column("ingested_at", UtcDateTime, nullable=False),
    UniqueConstraint("delivery_number"),
    Index(None, "source", "delivery_date"),
)

delivery_files = Table(
    "delivery_files",
    metadata,
    Column("delivery_id", String(200), ForeignKey("deliveries.delivery_id"), primary_key=True),
    Column("relative_path", String(700), primary_key=True),
    Column("table_name", String(128), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("rows_received", BigInteger, nullable=False),
    Column("rows_accepted", BigInteger, nullable=False),
    Column("rows_quarantined", BigInteger, nullable=False),
    Column("rows_duplicate", BigInteger, nullable=False),
    Index(None, "sha256"),
)

built_days = Table(
    "built_days",
    metadata,
    Column("source", String(128), primary_key=True),
    Column("as_of_date", Date, primary_key=True),
    Column("run_id", String(64), nullable=False),
    Column("features_digest", String(64)),
    Column("built_at", UtcDateTime, nullable=False),
)

gate_results = Table(
    "gate_results",
    metadata,
    Column("run_id", String(64), primary_key=True),
    Column("gate", String(64), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("suite", String(128), nullable=False),
    Column("expectation", String(256), nullable=False),
    Column("column_name", String(256)),
    Column("success", Boolean, nullable=False),
    Column("observed", Text),
    Column("expected", Text),
    Column("message", Text),
    Column("checked_at", UtcDateTime, nullable=False),
)

publishes = Table(
    "publishes",
    metadata,
    Column("run_id", String(64), ForeignKey("runs.run_id"), primary_key=True),
    Column("source", String(128), nullable=False),
    Column("as_of_date", Date, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("snapshot_path", String(700), nullable=False),
    Column("manifest_sha256", String(64), nullable=False),
    Column("model_version", String(128)),
    Column("state", String(16), nullable=False),
    Column("pointer_moved", Boolean, nullable=False),
    Column("prepared_at", UtcDateTime, nullable=False),
    Column("published_at", UtcDateTime),
    Column("rolled_back_at", UtcDateTime),
)

# Append-only: who was served when, and why the pointer moved.
pointer_moves = Table(
    "pointer_moves",
    metadata,
    Column("move_number", BigInteger, primary_key=True, autoincrement=False),
    Column("run_id", String(64), ForeignKey("publishes.run_id"), nullable=False),
    Column("from_run_id", String(64)),
    Column("why", String(16), nullable=False),
    Column("moved_at", UtcDateTime, nullable=False),
)

models = Table(
    "models",
    metadata,
    Column("model_version", String(128), primary_key=True),
    Column("source", String(128), nullable=False),
    Column("trained_as_of", Date, nullable=False),
    Column("horizon_days", Integer, nullable=False),
    Column("kind", String(64), nullable=False),
    Column("status", String(16), nullable=False),
    Column("path", String(700), nullable=False),
    Column("metrics_json", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("definition_id", String(64), nullable=False),
    Index(None, "source", "trained_as_of"),
)

model_uses = Table(
    "model_uses",
    metadata,
    Column("source", String(128), primary_key=True),
    Column("as_of_date", Date, primary_key=True),
    Column("definition_id", String(64), primary_key=True),
    Column("model_version", String(128), nullable=False),
    Column("run_id", String(64)),
    Column("pinned_at", UtcDateTime, nullable=False),
)

# Append-only: who became or stayed champion, from which day on, and why.
model_decisions = Table(
    "model_decisions",
    metadata,
    Column("decision_number", BigInteger, primary_key=True, autoincrement=False),
    Column("source", String(128), nullable=False),
    Column("definition_id", String(64), nullable=False),
    Column("decided_for", Date, nullable=False),
    Column("challenger", String(128), ForeignKey("models.model_version"), nullable=False),
    Column("champion", String(128)),
    Column("verdict", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("figures_json", Text, nullable=False),
    Column("decided_by", String(128), nullable=False),
    Column("decided_at", UtcDateTime, nullable=False),
    Index(None, "source", "definition_id", "decided_for"),
)

# One per day, kind and subject, whoever runs the day again.
alarms = Table(
    "alarms",
    metadata,
    Column("source", String(128), primary_key=True),
    Column("as_of_date", Date, primary_key=True),
    Column("kind", String(64), primary_key=True),
    Column("subject", String(256), primary_key=True),
    Column("message", Text, nullable=False),
    Column("run_id", String(64)),
    Column("raised_at", UtcDateTime, nullable=False),
    Column("notification", String(16), nullable=False),
    Column("notified_at", UtcDateTime),
    Column("failure", Text),
)

__all__ = [
    "HEAD",
    "UtcDateTime",
    "alarms",
    "built_days",
    "counters",
    "deliveries",
    "delivery_files",
    "gate_results",
    "metadata",
    "model_decisions",
    "model_uses",
    "models",
    "pointer_moves",
    "publishes",
    "runs",
]

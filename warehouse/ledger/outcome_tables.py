"""The ledger's table of what tools reported. A change here needs a migration; a test compares the two."""

from sqlalchemy import Column, Index, String, Table

from warehouse.ledger.tables import UtcDateTime, metadata

# One row per outcome that a tool reported, under the tool's own id for it: what is here is not taken again.
reported_outcomes = Table(
    "reported_outcomes",
    metadata,
    Column("source", String(128), primary_key=True),
    Column("reporter", String(128), primary_key=True),
    Column("outcome_id", String(300), primary_key=True),
    Column("sha256", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("subject", String(400), nullable=False),
    Column("occurred_at", UtcDateTime, nullable=False),
    Column("reported_at", UtcDateTime, nullable=False),
    Column("landed_as", String(300), nullable=False),
    Index(None, "source", "subject"),
)

__all__ = ["reported_outcomes"]

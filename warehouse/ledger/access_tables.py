"""The ledger's tables of who may read, and of who did. A change here needs a migration."""

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text

from warehouse.ledger.tables import UtcDateTime, metadata

# The secret of a key is not here: only its hash. Revoked and expired keys stay on the record.
api_keys = Table(
    "api_keys",
    metadata,
    Column("key_id", String(32), primary_key=True),
    Column("name", String(128), nullable=False),
    Column("secret_sha256", String(64), nullable=False),
    Column("scopes", Text, nullable=False),
    Column("field_sets", Text, nullable=False),
    Column("requests_per_minute", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", String(128), nullable=False),
    Column("expires_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
    Index(None, "name"),
)

# Append-only; each entry's hash covers the one before it.
audit_entries = Table(
    "audit_entries",
    metadata,
    Column("entry_number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", UtcDateTime, nullable=False),
    Column("actor", String(128), nullable=False),
    Column("action", String(64), nullable=False),
    Column("subject", String(256), nullable=False),
    Column("details_json", Text, nullable=False),
    Column("previous_sha256", String(64), nullable=False),
    Column("sha256", String(64), nullable=False),
)

dashboard_people = Table(
    "dashboard_people",
    metadata,
    Column("person", String(128), primary_key=True),
    Column("role", String(16), nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("language", String(16), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", String(128), nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    Column("disabled_at", UtcDateTime),
)

__all__ = ["api_keys", "audit_entries", "dashboard_people"]

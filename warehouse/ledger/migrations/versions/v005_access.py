"""Record the keys of the HTTP API, the people of the dashboard, and who did what, as a chain."""

import hashlib
import json
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "005"
down_revision = "004"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add the tables of access, and begin the chain: what happened before it has no entry."""
    op.create_table(
        "api_keys",
        sa.Column("key_id", sa.String(32), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("secret_sha256", sa.String(64), nullable=False),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("field_sets", sa.Text, nullable=False),
        sa.Column("requests_per_minute", sa.Integer, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("created_by", sa.String(128), nullable=False),
        sa.Column("expires_at", MOMENT),
        sa.Column("revoked_at", MOMENT),
        sa.PrimaryKeyConstraint("key_id", name="pk_api_keys"),
    )
    op.create_index("ix_api_keys_name", "api_keys", ["name"])
    op.create_table(
        "dashboard_people",
        sa.Column("person", sa.String(128), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("password_hash", sa.Text, nullable=False),
        sa.Column("language", sa.String(16), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("created_by", sa.String(128), nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.Column("disabled_at", MOMENT),
        sa.PrimaryKeyConstraint("person", name="pk_dashboard_people"),
    )
    _begin_the_audit()


def _begin_the_audit() -> None:
    entries = op.create_table(
        "audit_entries",
        sa.Column("entry_number", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("actor", sa.String(128), nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(256), nullable=False),
        sa.Column("details_json", sa.Text, nullable=False),
        sa.Column("previous_sha256", sa.String(64), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("entry_number", name="pk_audit_entries"),
    )
    began = datetime.now(UTC)
    first = {"actor": "migration", "action": "audit.began", "subject": "ledger", "details_json": "{}"}
    hashed = [1, began.isoformat(timespec="microseconds"), *first.values(), "0" * 64]
    text = json.dumps(hashed, ensure_ascii=False, separators=(",", ":"))
    op.bulk_insert(
        entries,
        [
            {
                "entry_number": 1,
                "at": began,
                **first,
                "previous_sha256": "0" * 64,
                "sha256": hashlib.sha256(text.encode()).hexdigest(),
            }
        ],
    )
    numbers = sa.table("counters", sa.column("name", sa.String), sa.column("value", sa.BigInteger))
    op.bulk_insert(numbers, [{"name": "audit_entry", "value": 1}])

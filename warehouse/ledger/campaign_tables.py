"""The ledger's tables of campaigns. A change here needs a migration; a test compares the two."""

from sqlalchemy import Column, Date, Double, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint

from warehouse.ledger.tables import UtcDateTime, metadata

# Who was given which arm, once: the arm that is recorded here stands, whatever salts and shares say later.
campaign_assignments = Table(
    "campaign_assignments",
    metadata,
    Column("source", String(128), primary_key=True),
    Column("experiment_id", String(128), primary_key=True),
    Column("user_id", String(200), primary_key=True),
    Column("campaign_id", String(128), nullable=False),
    Column("arm", String(16), nullable=False),
    Column("stratum", String(64), nullable=False),
    Column("holdout_share", Double, nullable=False),
    Column("salt", String(128), nullable=False),
    Column("assigned_on", Date, nullable=False),
    Column("run_id", String(64), nullable=False),
)

campaign_launches = Table(
    "campaign_launches",
    metadata,
    Column("source", String(128), primary_key=True),
    Column("run_id", String(64), primary_key=True),
    Column("campaign_id", String(128), primary_key=True),
    Column("as_of_date", Date, nullable=False),
    Column("experiment_id", String(128), nullable=False),
    Column("users_chosen", Integer, nullable=False),
    Column("users_treated", Integer, nullable=False),
    Column("users_held_out", Integer, nullable=False),
    Column("expected_cost", Double, nullable=False),
    Column("state", String(24), nullable=False),
    Column("reason", Text),
    Column("decided_by", String(128)),
    Column("decided_at", UtcDateTime),
    Column("deadline_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Index(None, "source", "as_of_date", "campaign_id"),
    Index(None, "state"),
)

# Every exposure of a user by any door, before it happens and after.
outbox = Table(
    "outbox",
    metadata,
    Column("message_id", String(36), primary_key=True),
    Column("idempotency_key", String(700), nullable=False),
    Column("payload_sha256", String(64), nullable=False),
    Column("source", String(128), nullable=False),
    Column("run_id", String(64), nullable=False),
    Column("as_of_date", Date, nullable=False),
    Column("campaign_id", String(128), nullable=False),
    Column("experiment_id", String(128), nullable=False),
    Column("user_id", String(200), nullable=False),
    Column("action", String(64), nullable=False),
    Column("offer_id", String(128)),
    Column("channel", String(32), nullable=False),
    Column("language", String(16), nullable=False),
    Column("time_zone", String(64), nullable=False),
    Column("payload_json", Text, nullable=False),
    Column("coupon_code", String(64)),
    Column("cost", Double, nullable=False),
    Column("state", String(16), nullable=False),
    Column("not_before", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_at", UtcDateTime, nullable=False),
    Column("claimed_by", String(128)),
    Column("claim_until", UtcDateTime),
    Column("provider_reference", String(300)),
    Column("failure", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("sent_at", UtcDateTime),
    UniqueConstraint("idempotency_key"),
    Index(None, "source", "channel", "state", "next_attempt_at"),
    Index(None, "source", "user_id"),
    Index(None, "source", "as_of_date", "campaign_id"),
)

# Append-only: what became of every attempt to hand a message over.
delivery_attempts = Table(
    "delivery_attempts",
    metadata,
    Column("message_id", String(36), ForeignKey("outbox.message_id"), primary_key=True),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("at", UtcDateTime, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("status_code", Integer),
    Column("detail", Text, nullable=False),
)

coupons = Table(
    "coupons",
    metadata,
    Column("coupon_code", String(64), primary_key=True),
    Column("source", String(128), nullable=False),
    Column("user_id", String(200), nullable=False),
    Column("campaign_id", String(128), nullable=False),
    Column("period", String(16), nullable=False),
    Column("offer_id", String(128), nullable=False),
    Column("face_value", Double, nullable=False),
    Column("currency", String(8), nullable=False),
    Column("issued_at", UtcDateTime, nullable=False),
    Column("expires_on", Date, nullable=False),
    Column("message_id", String(36), nullable=False),
    UniqueConstraint("source", "user_id", "campaign_id", "period"),
)

# The hard cap: spent only ever grows, and never beyond the budget, by one conditional update.
coupon_budgets = Table(
    "coupon_budgets",
    metadata,
    Column("source", String(128), primary_key=True),
    Column("campaign_id", String(128), primary_key=True),
    Column("period", String(16), primary_key=True),
    Column("budget", Double, nullable=False),
    Column("spent", Double, nullable=False),
)

# Who must not be contacted, for which purpose; lifted blocks stay on the record.
contact_blocks = Table(
    "contact_blocks",
    metadata,
    Column("source", String(128), primary_key=True),
    Column("user_id", String(200), primary_key=True),
    Column("purpose", String(32), primary_key=True),
    Column("reason", String(32), nullable=False),
    Column("since", UtcDateTime, nullable=False),
    Column("lifted_at", UtcDateTime),
)

__all__ = [
    "campaign_assignments",
    "campaign_launches",
    "contact_blocks",
    "coupon_budgets",
    "coupons",
    "delivery_attempts",
    "outbox",
]

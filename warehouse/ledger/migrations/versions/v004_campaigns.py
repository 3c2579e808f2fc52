"""Record campaigns: assignments, launches, the outbox, coupons and who must not be contacted."""

import sqlalchemy as sa
from alembic import op

revision = "004"
down_revision = "003"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add the tables of campaigns."""
    _add_experiments()
    _add_outbox()
    _add_coupons()
    op.create_table(
        "contact_blocks",
        sa.Column("source", sa.String(128), nullable=False),
        sa.Column("user_id", sa.String(200), nullable=False),
        sa.Column("purpose", sa.String(32), nullable=False),
        sa.Column("reason", sa.String(32), nullable=False),
        sa.Column("since", MOMENT, nullable=False),
        sa.Column("lifted_at", MOMENT),
        sa.PrimaryKeyConstraint("source", "user_id", "purpose", name="pk_contact_blocks"),
    )


def _add_experiments() -> None:
    op.create_table(
        "campaign_assignments",
        sa.Column("source", sa.String(128), nullable=False),
        sa.Column("experiment_id", sa.String(128), nullable=False),
        sa.Column("user_id", sa.String(200), nullable=False),
        sa.Column("campaign_id", sa.String(128), nullable=False),
        sa.Column("arm", sa.String(16), nullable=False),
        sa.Column("stratum", sa.String(64), nullable=False),
        sa.Column("holdout_share", sa.Double, nullable=False),
        sa.Column("salt", sa.String(128), nullable=False),
        sa.Column("assigned_on", sa.Date, nullable=False),
        sa.Column("run_id", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("source", "experiment_id", "user_id", name="pk_campaign_assignments"),
    )
    op.create_table(
        "campaign_launches",
        sa.Column("source", sa.String(128), nullable=False),
        sa.Column("run_id", sa.String(64), nullable=False),
        sa.Column("campaign_id", sa.String(128), nullable=False),
        sa.Column("as_of_date", sa.Date, nullable=False),
        sa.Column("experiment_id", sa.String(128), nullable=False),
        sa.Column("users_chosen", sa.Integer, nullable=False),
        sa.Column("users_treated", sa.Integer, nullable=False),
        sa.Column("users_held_out", sa.Integer, nullable=False),
        sa.Column("expected_cost", sa.Double, nullable=False),
        sa.Column("state", sa.String(24), nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("decided_by", sa.String(128)),
        sa.Column("decided_at", MOMENT),
        sa.Column("deadline_at", MOMENT),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("source", "run_id", "campaign_id", name="pk_campaign_launches"),
    )
    op.create_index(
        "ix_campaign_launches_source_as_of_date_campaign_id",
        "campaign_launches",
        ["source", "as_of_date", "campaign_id"],
    )
    op.create_index("ix_campaign_launches_state", "campaign_launches", ["state"])


def _add_outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("message_id", sa.String(36), nullable=False),
        sa.Column("idempotency_key", sa.String(700), nullable=False),
        sa.Column("payload_sha256", sa.String(64), nullable=False),
        sa.Column("source", sa.String(128), nullable=False),
        sa.Column("run_id", sa.String(64), nullable=False),
        sa.Column("as_of_date", sa.Date, nullable=False),
        sa.Column("campaign_id", sa.String(128), nullable=False),
        sa.Column("experiment_id", sa.String(128), nullable=False),
        sa.Column("user_id", sa.String(200), nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("offer_id", sa.String(128)),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("language", sa.String(16), nullable=False),
        sa.Column("time_zone", sa.String(64), nullable=False),
        sa.Column("payload_json", sa.Text, nullable=False),
        sa.Column("coupon_code", sa.String(64)),
        sa.Column("cost", sa.Double, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("not_before", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_attempt_at", MOMENT, nullable=False),
        sa.Column("claimed_by", sa.String(128)),
        sa.Column("claim_until", MOMENT),
        sa.Column("provider_reference", sa.String(300)),
        sa.Column("failure", sa.Text),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("sent_at", MOMENT),
        sa.PrimaryKeyConstraint("message_id", name="pk_outbox"),
        sa.UniqueConstraint("idempotency_key", name="uq_outbox_idempotency_key"),
    )
    op.create_index(
        "ix_outbox_source_channel_state_next_attempt_at",
        "outbox",
        ["source", "channel", "state", "next_attempt_at"],
    )
    op.create_index("ix_outbox_source_user_id", "outbox", ["source", "user_id"])
    op.create_index(
        "ix_outbox_source_as_of_date_campaign_id", "outbox", ["source", "as_of_date", "campaign_id"]
    )
    op.create_table(
        "delivery_attempts",
        sa.Column("message_id", sa.String(36), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("status_code", sa.Integer),
        sa.Column("detail", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("message_id", "attempt", name="pk_delivery_attempts"),
        sa.ForeignKeyConstraint(
            ["message_id"], ["outbox.message_id"], name="fk_delivery_attempts_message_id_outbox"
        ),
    )


def _add_coupons() -> None:
    op.create_table(
        "coupons",
        sa.Column("coupon_code", sa.String(64), nullable=False),
        sa.Column("source", sa.String(128), nullable=False),
        sa.Column("user_id", sa.String(200), nullable=False),
        sa.Column("campaign_id", sa.String(128), nullable=False),
        sa.Column("period", sa.String(16), nullable=False),
        sa.Column("offer_id", sa.String(128), nullable=False),
        sa.Column("face_value", sa.Double, nullable=False),
        sa.Column("currency", sa.String(8), nullable=False),
        sa.Column("issued_at", MOMENT, nullable=False),
        sa.Column("expires_on", sa.Date, nullable=False),
        sa.Column("message_id", sa.String(36), nullable=False),
        sa.PrimaryKeyConstraint("coupon_code", name="pk_coupons"),
        sa.UniqueConstraint(
            "source", "user_id", "campaign_id", "period", name="uq_coupons_source_user_id_campaign_id_period"
        ),
    )
    op.create_table(
        "coupon_budgets",
        sa.Column("source", sa.String(128), nullable=False),
        sa.Column("campaign_id", sa.String(128), nullable=False),
        sa.Column("period", sa.String(16), nullable=False),
        sa.Column("budget", sa.Double, nullable=False),
        sa.Column("spent", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("source", "campaign_id", "period", name="pk_coupon_budgets"),
    )

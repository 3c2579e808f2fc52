"""Record the alarms that were raised, and whether somebody was told."""

import sqlalchemy as sa
from alembic import op

revision = "003"
down_revision = "002"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add the table of alarms."""
    op.create_table(
        "alarms",
        sa.Column("source", sa.String(128), nullable=False),
        sa.Column("as_of_date", sa.Date, nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(256), nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("run_id", sa.String(64)),
        sa.Column("raised_at", MOMENT, nullable=False),
        sa.Column("notification", sa.String(16), nullable=False),
        sa.Column("notified_at", MOMENT),
        sa.Column("failure", sa.Text),
        sa.PrimaryKeyConstraint("source", "as_of_date", "kind", "subject", name="pk_alarms"),
    )

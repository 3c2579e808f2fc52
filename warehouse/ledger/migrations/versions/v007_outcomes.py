"""Record what tools reported back, so that the same report is taken once."""

import sqlalchemy as sa
from alembic import op

revision = "007"
down_revision = "006"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add the table of reported outcomes."""
    op.create_table(
        "reported_outcomes",
        sa.Column("source", sa.String(128), nullable=False),
        sa.Column("reporter", sa.String(128), nullable=False),
        sa.Column("outcome_id", sa.String(300), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("subject", sa.String(400), nullable=False),
        sa.Column("occurred_at", MOMENT, nullable=False),
        sa.Column("reported_at", MOMENT, nullable=False),
        sa.Column("landed_as", sa.String(300), nullable=False),
        sa.PrimaryKeyConstraint("source", "reporter", "outcome_id", name="pk_reported_outcomes"),
    )
    op.create_index("ix_reported_outcomes_source_subject", "reported_outcomes", ["source", "subject"])

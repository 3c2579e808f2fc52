"""Record what people were to be told, by which channel, and whether they were."""

import sqlalchemy as sa
from alembic import op

revision = "006"
down_revision = "005"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add the table of notices."""
    op.create_table(
        "notices",
        sa.Column("source", sa.String(128), nullable=False),
        sa.Column("notice_key", sa.String(300), nullable=False),
        sa.Column("channel", sa.String(16), nullable=False),
        sa.Column("audience", sa.String(16), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(256), nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("sent_at", MOMENT),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("failure", sa.Text),
        sa.PrimaryKeyConstraint("source", "notice_key", "channel", name="pk_notices"),
    )
    op.create_index("ix_notices_source_state", "notices", ["source", "state"])
    op.create_index("ix_notices_source_kind_subject", "notices", ["source", "kind", "subject"])

"""The ledger's table of notices: what people were to be told, and how. A change here needs a migration."""

from sqlalchemy import Column, Index, Integer, String, Table, Text

from warehouse.ledger.tables import UtcDateTime, metadata

# One per notice and channel: what one receiver did not take waits for it, and the others have it.
notices = Table(
    "notices",
    metadata,
    Column("source", String(128), primary_key=True),
    Column("notice_key", String(300), primary_key=True),
    Column("channel", String(16), primary_key=True),
    Column("audience", String(16), nullable=False),
    Column("kind", String(64), nullable=False),
    Column("subject", String(256), nullable=False),
    Column("payload", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("sent_at", UtcDateTime),
    Column("tries", Integer, nullable=False),
    Column("failure", Text),
    Index(None, "source", "state"),
    Index(None, "source", "kind", "subject"),
)

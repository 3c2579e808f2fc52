"""Alembic's entry: runs the migrations on the connection that the ledger hands over."""

from alembic import context

from warehouse.ledger.tables import metadata

# The ledger opened this transaction itself, so a half-made schema is never left behind
# (SQLite can undo its DDL, whatever Alembic assumes).
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
)
context.run_migrations()

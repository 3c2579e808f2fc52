"""Assignments: who has which arm in which experiment, recorded once and kept."""

from collections.abc import Sequence
from datetime import date

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from warehouse.ledger.bulk import insert_new, rows_by_key
from warehouse.ledger.campaign_records import CampaignAssignment
from warehouse.ledger.campaign_tables import campaign_assignments
from warehouse.ledger.store import Store


class AssignmentBook(Store):
    """The part of the ledger that knows arms."""

    def record_assignments(self, connection: Connection, assignments: Sequence[CampaignAssignment]) -> int:
        """Record assignments in the caller's transaction, and count the new ones; who has an arm keeps it."""
        rows = [vars(assignment) for assignment in assignments]
        return insert_new(connection, campaign_assignments, rows)

    def arms_of(
        self, connection: Connection, source: str, experiment_id: str, user_ids: Sequence[str]
    ) -> dict[str, str]:
        """Return the arms that users have in an experiment, by user, in the caller's transaction."""
        table = campaign_assignments
        statement = sa.select(table.c.user_id, table.c.arm).filter_by(
            source=source, experiment_id=experiment_id
        )
        return {row.user_id: row.arm for row in rows_by_key(connection, statement, table.c.user_id, user_ids)}

    def left_alone(
        self, connection: Connection, source: str, user_ids: Sequence[str]
    ) -> dict[str, tuple[CampaignAssignment, ...]]:
        """Return the assignments by which users are left alone (holdout or global control), by user."""
        table = campaign_assignments
        statement = sa.select(table).where(table.c.source == source, table.c.arm != "treatment")
        found: dict[str, tuple[CampaignAssignment, ...]] = {}
        for row in rows_by_key(connection, statement, table.c.user_id, user_ids):
            found[row.user_id] = (*found.get(row.user_id, ()), CampaignAssignment(**row._mapping))
        return found

    def everybody_left_alone(self, source: str) -> tuple[tuple[str, str, str, date], ...]:
        """Return (user, experiment, arm, assigned on) of all in a holdout or in the global control."""
        table = campaign_assignments
        columns = (table.c.user_id, table.c.experiment_id, table.c.arm, table.c.assigned_on)
        statement = (
            sa.select(*columns)
            .where(table.c.source == source, table.c.arm != "treatment")
            .order_by(table.c.user_id, table.c.experiment_id)
        )
        with self.reading() as connection:
            return tuple((row[0], row[1], row[2], row[3]) for row in connection.execute(statement))

    def assignments(
        self, source: str, *, experiment_id: str | None = None, user_id: str | None = None
    ) -> tuple[CampaignAssignment, ...]:
        """Return assignments of a source, by experiment and user."""
        table = campaign_assignments
        statement = (
            sa.select(table).where(table.c.source == source).order_by(table.c.experiment_id, table.c.user_id)
        )
        if experiment_id is not None:
            statement = statement.where(table.c.experiment_id == experiment_id)
        if user_id is not None:
            statement = statement.where(table.c.user_id == user_id)
        with self.reading() as connection:
            return tuple(CampaignAssignment(**row._mapping) for row in connection.execute(statement))

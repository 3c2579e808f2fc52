"""Contact blocks: who must not be contacted for what, asked again at the moment of sending."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from warehouse.ledger.audit_book import Action, AuditBook, operator
from warehouse.ledger.bulk import insert_new, rows_by_key
from warehouse.ledger.campaign_records import BLOCK_REASONS, ContactBlock
from warehouse.ledger.campaign_tables import contact_blocks
from warehouse.ledger.records import LedgerError

# A later consent lifts these; the others are lifted by a person.
LIFTED_BY_CONSENT = ("consent_withdrawn", "unsubscribed")


class BlockBook(AuditBook):
    """The part of the ledger that knows who must be left alone."""

    def block_contacts(self, blocks: Sequence[ContactBlock]) -> int:
        """Block users for purposes, in one transaction; returns how many blocks are new or stand again.

        A block that stands keeps its reason and its moment, unless the new reason is one that a later
        consent does not lift.

        Raises
        ------
        LedgerError
            If a reason is not known.
        """
        for block in blocks:
            if block.reason not in BLOCK_REASONS:
                raise LedgerError(
                    "This is no reason for a contact block", block.reason, f"use {', '.join(BLOCK_REASONS)}"
                )
        with self.writing() as connection:
            new = insert_new(connection, contact_blocks, [vars(block) for block in blocks])
            if new < len(blocks):
                new += sum(self._stands_again(connection, block) for block in blocks)
            if new:
                self._note_blocks(connection, "contact.blocked", new, [block.user_id for block in blocks])
            return new

    def lift_blocks(
        self, source: str, user_id: str, purpose: str, *, at: datetime, reasons: Sequence[str] = BLOCK_REASONS
    ) -> bool:
        """Lift the block of a user for a purpose if it stands for such a reason; says whether it did."""
        with self.writing() as connection:
            lifted = self._lift(connection, (source, user_id, purpose), at, reasons)
            if lifted:
                self._note_blocks(connection, "contact.unblocked", 1, [user_id])
            return lifted

    def lift_blocks_by_consent(self, source: str, given: Sequence[tuple[str, str, datetime]]) -> int:
        """Lift what a later consent lifts: (user, purpose, when it was given); in one transaction."""
        with self.writing() as connection:
            # most users who consent were never blocked
            standing = self.blocks_of(connection, source, [user_id for user_id, _, _ in given])
            lifted = sum(
                self._lift(connection, (source, user_id, purpose), at, LIFTED_BY_CONSENT)
                for user_id, purpose, at in given
                if any(block.purpose == purpose for block in standing.get(user_id, ()))
            )
            if lifted:
                self._note_blocks(
                    connection, "contact.unblocked", lifted, [user_id for user_id, _, _ in given]
                )
            return lifted

    def blocks_of(
        self, connection: Connection, source: str, user_ids: Sequence[str]
    ) -> dict[str, tuple[ContactBlock, ...]]:
        """Return the standing blocks of users, by user, in the caller's transaction."""
        table = contact_blocks
        statement = sa.select(table).where(table.c.source == source, table.c.lifted_at.is_(None))
        found: dict[str, tuple[ContactBlock, ...]] = {}
        for row in rows_by_key(connection, statement, table.c.user_id, user_ids):
            found[row.user_id] = (*found.get(row.user_id, ()), ContactBlock(**row._mapping))
        return found

    def contact_blocks(
        self,
        source: str,
        *,
        user_id: str | None = None,
        reason: str | None = None,
        standing_only: bool = True,
    ) -> tuple[ContactBlock, ...]:
        """Return blocks of a source, by user and purpose; of one user, or for one reason, if named."""
        table = contact_blocks
        statement = (
            sa.select(table).where(table.c.source == source).order_by(table.c.user_id, table.c.purpose)
        )
        if user_id is not None:
            statement = statement.where(table.c.user_id == user_id)
        if reason is not None:
            statement = statement.where(table.c.reason == reason)
        if standing_only:
            statement = statement.where(table.c.lifted_at.is_(None))
        with self.reading() as connection:
            return tuple(ContactBlock(**row._mapping) for row in connection.execute(statement))

    def _note_blocks(self, connection: Connection, action: str, blocks: int, user_ids: Sequence[str]) -> None:
        """Note a change of blocks in the audit: by name where it is one user's, else only how many."""
        subject = user_ids[0] if len(set(user_ids)) == 1 else "users"
        self.append_actions(connection, [Action(operator(), action, subject, {"blocks": blocks})])

    def _stands_again(self, connection: Connection, block: ContactBlock) -> bool:
        table = contact_blocks
        lifted_before = sa.and_(table.c.lifted_at.is_not(None), table.c.lifted_at <= block.since)
        outranks = sa.and_(
            table.c.reason.in_(LIFTED_BY_CONSENT), sa.literal(block.reason not in LIFTED_BY_CONSENT)
        )
        done = connection.execute(
            table.update()
            .filter_by(source=block.source, user_id=block.user_id, purpose=block.purpose)
            .where(sa.or_(lifted_before, outranks))
            .values(reason=block.reason, since=block.since, lifted_at=None)
        )
        return done.rowcount > 0

    def _lift(
        self, connection: Connection, key: tuple[str, str, str], at: datetime, reasons: Sequence[str]
    ) -> bool:
        table, (source, user_id, purpose) = contact_blocks, key
        done = connection.execute(
            table.update()
            .filter_by(source=source, user_id=user_id, purpose=purpose)
            .where(table.c.lifted_at.is_(None), table.c.reason.in_(reasons), table.c.since <= at)
            .values(lifted_at=at)
        )
        return done.rowcount > 0

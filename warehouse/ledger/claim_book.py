"""Claims: each message is handed to one sender at a time, and what became of it is recorded."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from warehouse.ledger.audit_book import Action, AuditBook, operator
from warehouse.ledger.bulk import in_chunks, rows_by_key
from warehouse.ledger.campaign_records import DeliveryAttempt, OutboxMessage
from warehouse.ledger.campaign_tables import delivery_attempts, outbox
from warehouse.ledger.outbox_book import OutboxBook

LEASE_RAN_OUT = "the sender stopped before it could tell what became of it"


@dataclass(frozen=True)
class PastContact:
    """A contact that happened, may have happened, or is happening now.

    Attributes
    ----------
    offer_id, coupon_code, action : str or None, str or None, str
        What was given away with it.
    at : datetime or None
        When; None while a sender holds the message.
    """

    message_id: str
    user_id: str
    channel: str
    action: str
    offer_id: str | None
    coupon_code: str | None
    at: datetime | None


@dataclass(frozen=True)
class Ruling:
    """What a message becomes without being sent.

    Attributes
    ----------
    state : str
        ``pending`` or ``unknown`` (looked at again at `next_attempt_at`), ``suppressed`` or ``expired``.
    """

    message_id: str
    state: str
    reason: str
    next_attempt_at: datetime


@dataclass(frozen=True)
class Result:
    """What became of one attempt, and what the message is now."""

    attempt: DeliveryAttempt
    state: str
    next_attempt_at: datetime
    sent_at: datetime | None = None
    provider_reference: str | None = None
    failure: str | None = None


class ClaimBook(OutboxBook, AuditBook):
    """The part of the ledger that hands messages to senders."""

    def lock_claims(self, connection: Connection, source: str) -> None:
        """Let one claim of a source happen after the other, so that caps are counted on what is true.

        SQLite has one writer anyway; PostgreSQL takes a lock that ends with the transaction.
        """
        if not self.is_sqlite:
            digest = hashlib.sha256(f"holdfast claims {source}".encode()).digest()
            key = int.from_bytes(digest[:8], "big", signed=True)
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))

    def free_lost_claims(
        self,
        connection: Connection,
        source: str,
        channels: Sequence[str],
        now: datetime,
        *,
        state: str = "unknown",
    ) -> int:
        """Make unknown what a sender held for too long: it may have been sent. Returns how many.

        A channel that cannot tell a repetition lets it be dead instead, and a person may try it again.
        The channels are named so that the index finds the claims, however long the outbox has grown.
        """
        lost = connection.execute(
            sa.select(outbox.c.message_id, outbox.c.attempts).where(
                outbox.c.source == source,
                outbox.c.channel.in_(channels),
                outbox.c.state == "claimed",
                outbox.c.claim_until < now,
            )
        ).all()
        for row in lost:
            connection.execute(
                outbox.update()
                .filter_by(message_id=row.message_id, state="claimed")
                .values(
                    state=state,
                    next_attempt_at=now,
                    sent_at=now,
                    claimed_by=None,
                    claim_until=None,
                    failure=LEASE_RAN_OUT,
                )
            )
        ended = [
            DeliveryAttempt(row.message_id, row.attempts, now, "unknown", None, LEASE_RAN_OUT) for row in lost
        ]
        self._note(connection, ended)
        return len(lost)

    def due_messages(
        self, connection: Connection, source: str, channel: str, now: datetime, limit: int
    ) -> tuple[OutboxMessage, ...]:
        """Return messages that may be tried now, unknown ones first, and lock them for this transaction."""
        found: list[OutboxMessage] = []
        for state in ("unknown", "pending"):
            statement = (
                sa.select(outbox)
                .where(
                    outbox.c.source == source,
                    outbox.c.channel == channel,
                    outbox.c.state == state,
                    outbox.c.next_attempt_at <= now,
                )
                .order_by(outbox.c.next_attempt_at)
                .limit(limit - len(found))
                .with_for_update(skip_locked=True)
            )
            found += [OutboxMessage(**row._mapping) for row in connection.execute(statement)]
        return tuple(found)

    def contacts_since(
        self, connection: Connection, source: str, user_ids: Sequence[str], since: datetime
    ) -> dict[str, tuple[PastContact, ...]]:
        """Return by user what was sent, may have been sent or is being sent, in the caller's transaction."""
        happened = sa.or_(outbox.c.sent_at >= since, outbox.c.state == "claimed")
        columns = (
            *(outbox.c.message_id, outbox.c.user_id, outbox.c.channel, outbox.c.action),
            *(outbox.c.offer_id, outbox.c.coupon_code, outbox.c.sent_at),
        )
        statement = sa.select(*columns).where(outbox.c.source == source, happened)
        found: dict[str, tuple[PastContact, ...]] = {}
        for row in rows_by_key(connection, statement, outbox.c.user_id, user_ids):
            found[row.user_id] = (*found.get(row.user_id, ()), PastContact(*row))
        return found

    def claim(self, connection: Connection, message_ids: Sequence[str], worker: str, until: datetime) -> None:
        """Give messages to a sender until a moment; each begins an attempt."""
        for part in in_chunks(message_ids):
            connection.execute(
                outbox.update()
                .where(outbox.c.message_id.in_(part))
                .values(state="claimed", claimed_by=worker, claim_until=until, attempts=outbox.c.attempts + 1)
            )

    def rule(self, connection: Connection, rulings: Sequence[Ruling]) -> None:
        """Let messages wait, or end without being sent, with the reason, in the caller's transaction."""
        if rulings:
            connection.execute(
                outbox.update()
                .where(outbox.c.message_id == sa.bindparam("ruled_id"))
                .values(
                    state=sa.bindparam("ruled_state"),
                    failure=sa.bindparam("ruled_reason"),
                    next_attempt_at=sa.bindparam("ruled_next"),
                ),
                [
                    {
                        "ruled_id": ruling.message_id,
                        "ruled_state": ruling.state,
                        "ruled_reason": ruling.reason,
                        "ruled_next": ruling.next_attempt_at,
                    }
                    for ruling in rulings
                ],
            )

    def expire_earlier_days(self, source: str, channel: str, before: date, reason: str) -> int:
        """Let expire what waits of days before one, by one channel; returns how many."""
        with self.writing() as connection:
            statement = outbox.update().where(
                outbox.c.source == source,
                outbox.c.channel == channel,
                outbox.c.state.in_(("pending", "unknown")),
                outbox.c.as_of_date < before,
            )
            return connection.execute(statement.values(state="expired", failure=reason)).rowcount

    def record_results(self, results: Sequence[Result], worker: str) -> None:
        """Record what became of attempts, all in one transaction.

        That a message was sent is recorded whoever holds it now; anything else only while the sender that
        tells it still holds the claim.
        """
        if not results:
            return
        with self.writing() as connection:
            self._note(connection, [result.attempt for result in results])
            sent = [_values(result) for result in results if result.state == "sent"]
            others = [_values(result) for result in results if result.state != "sent"]
            if sent:
                connection.execute(_becomes(outbox.c.state != "sent"), sent)
            if others:
                held = sa.and_(
                    outbox.c.state == "claimed",
                    outbox.c.claimed_by == worker,
                    outbox.c.attempts == sa.bindparam("of_attempt"),
                )
                connection.execute(_becomes(held), others)
            outcomes = Counter(result.attempt.outcome for result in results)
            handed_over = Action(operator(), "messages.handed_over", worker, {**outcomes})
            self.append_actions(connection, [handed_over])

    def _note(self, connection: Connection, attempts: Sequence[DeliveryAttempt]) -> None:
        """Add attempts to the record; what was noted of one first stands."""
        if attempts:
            insert = sqlite.insert if self.is_sqlite else postgresql.insert
            statement = insert(delivery_attempts).on_conflict_do_nothing()
            connection.execute(statement, [vars(attempt) for attempt in attempts])


def _becomes(condition: sa.ColumnElement[bool]) -> sa.Update:
    return (
        outbox.update()
        .where(outbox.c.message_id == sa.bindparam("of_message"), condition)
        .values(
            state=sa.bindparam("to_state"),
            next_attempt_at=sa.bindparam("to_next"),
            # a later attempt may be the one that arrived: caps count from the last that can have
            sent_at=sa.func.coalesce(
                sa.bindparam("to_sent_at", type_=outbox.c.sent_at.type), outbox.c.sent_at
            ),
            provider_reference=sa.func.coalesce(
                sa.bindparam("to_reference", type_=sa.String), outbox.c.provider_reference
            ),
            failure=sa.bindparam("to_failure"),
            claimed_by=None,
            claim_until=None,
        )
    )


def _values(result: Result) -> dict[str, object]:
    return {
        "of_message": result.attempt.message_id,
        "of_attempt": result.attempt.attempt,
        "to_state": result.state,
        "to_next": result.next_attempt_at,
        "to_sent_at": result.sent_at,
        "to_reference": result.provider_reference,
        "to_failure": result.failure,
    }

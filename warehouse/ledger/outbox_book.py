"""The outbox: what is to be said to whom, written once with the decision, and what became of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from warehouse.ledger.bulk import insert_new, rows_by_key
from warehouse.ledger.campaign_records import DeliveryAttempt, OutboxMessage
from warehouse.ledger.campaign_tables import delivery_attempts, outbox
from warehouse.ledger.records import LedgerError
from warehouse.ledger.store import Store

# What will never reach anybody costs nothing.
COSTS_NOTHING = ("suppressed", "expired", "cancelled")


@dataclass(frozen=True)
class Written:
    """What writing messages did.

    Attributes
    ----------
    new : int
        Messages that were not there before.
    changed : tuple of str
        Idempotency keys that were there with another payload: the first stands, the new one is refused.
    """

    new: int
    changed: tuple[str, ...]


@dataclass(frozen=True)
class Standing:
    """A message as it stands: enough to tell whether it would be written again the same."""

    message_id: str
    payload_sha256: str
    coupon_code: str | None
    state: str


class OutboxBook(Store):
    """The part of the ledger that knows messages."""

    def write_messages(self, connection: Connection, messages: Sequence[OutboxMessage]) -> Written:
        """Write messages inside the caller's transaction; a key that is there stays as it was written first.

        The same key with another payload is refused and reported, and the first payload stands.
        """
        new = insert_new(connection, outbox, [vars(message) for message in messages])
        if new == len(messages):
            return Written(new, ())
        standing = self.standing_messages(connection, [message.message_id for message in messages])
        changed = tuple(
            message.idempotency_key
            for message in messages
            if standing[message.message_id].payload_sha256 != message.payload_sha256
        )
        return Written(new, changed)

    def standing_messages(self, connection: Connection, message_ids: Sequence[str]) -> dict[str, Standing]:
        """Return how those messages stand that are there, by id, in the caller's transaction."""
        columns = (outbox.c.message_id, outbox.c.payload_sha256, outbox.c.coupon_code, outbox.c.state)
        rows = rows_by_key(connection, sa.select(*columns), outbox.c.message_id, message_ids)
        return {row.message_id: Standing(**row._mapping) for row in rows}

    def spent_on(
        self, connection: Connection, source: str, campaign_id: str, first_day: date, last_day: date
    ) -> float:
        """Return what a campaign's messages cost from day to day, in the caller's transaction."""
        total = connection.execute(
            sa.select(sa.func.sum(outbox.c.cost)).where(
                outbox.c.source == source,
                outbox.c.campaign_id == campaign_id,
                outbox.c.as_of_date >= first_day,
                outbox.c.as_of_date <= last_day,
                outbox.c.state.not_in(COSTS_NOTHING),
            )
        ).scalar()
        return float(total or 0.0)

    def planned_by_channel(self, connection: Connection, source: str, as_of_date: date) -> dict[str, int]:
        """Return how many messages of a day each channel has to carry, in the caller's transaction."""
        rows = connection.execute(
            sa.select(outbox.c.channel, sa.func.count())
            .where(
                outbox.c.source == source,
                outbox.c.as_of_date == as_of_date,
                outbox.c.state.not_in(COSTS_NOTHING),
            )
            .group_by(outbox.c.channel)
        )
        return {channel: int(count) for channel, count in rows}

    def message(self, message_id: str) -> OutboxMessage:
        """Return a message by its id; LedgerError if there is none."""
        with self.reading() as connection:
            row = connection.execute(sa.select(outbox).filter_by(message_id=message_id)).one_or_none()
        if row is None:
            raise LedgerError("The outbox knows no such message", message_id, "list with `… status`")
        return OutboxMessage(**row._mapping)

    def messages(
        self,
        source: str,
        *,
        state: str | None = None,
        as_of_date: date | None = None,
        campaign_id: str | None = None,
        channel: str | None = None,
        user_id: str | None = None,
        run_id: str | None = None,
        limit: int | None = None,
    ) -> tuple[OutboxMessage, ...]:
        """Return messages of a source by day, campaign, user and channel; those that fit every condition."""
        wanted = {
            **{"state": state, "as_of_date": as_of_date, "campaign_id": campaign_id},
            **{"channel": channel, "user_id": user_id, "run_id": run_id},
        }
        statement = (
            sa.select(outbox)
            .filter_by(source=source, **{name: value for name, value in wanted.items() if value is not None})
            .order_by(outbox.c.as_of_date, outbox.c.campaign_id, outbox.c.user_id, outbox.c.channel)
            .limit(limit)
        )
        with self.reading() as connection:
            return tuple(OutboxMessage(**row._mapping) for row in connection.execute(statement))

    def message_counts(
        self, source: str, *, as_of_date: date | None = None
    ) -> dict[tuple[date, str, str, str], int]:
        """Return how many messages there are by (as_of_date, campaign, channel, state)."""
        key = (outbox.c.as_of_date, outbox.c.campaign_id, outbox.c.channel, outbox.c.state)
        statement = (
            sa.select(*key, sa.func.count()).where(outbox.c.source == source).group_by(*key).order_by(*key)
        )
        if as_of_date is not None:
            statement = statement.where(outbox.c.as_of_date == as_of_date)
        with self.reading() as connection:
            return {(row[0], row[1], row[2], row[3]): int(row[4]) for row in connection.execute(statement)}

    def message_reasons(self, source: str, *, as_of_date: date) -> list[tuple[tuple[str, str], int]]:
        """Return why messages of a day are where they are: ((state, reason), messages), most first."""
        key, messages = (outbox.c.state, outbox.c.failure), sa.func.count().label("messages")
        statement = (
            sa.select(*key, messages)
            .where(
                outbox.c.source == source,
                outbox.c.as_of_date == as_of_date,
                outbox.c.failure.is_not(None),
                outbox.c.state != "sent",
            )
            .group_by(*key)
            .order_by(messages.desc(), *key)
        )
        with self.reading() as connection:
            return [((row[0], row[1]), int(row[2])) for row in connection.execute(statement)]

    def attempts_of(self, message_id: str) -> tuple[DeliveryAttempt, ...]:
        """Return what became of every attempt at a message, first to last."""
        statement = (
            sa.select(delivery_attempts)
            .filter_by(message_id=message_id)
            .order_by(delivery_attempts.c.attempt)
        )
        with self.reading() as connection:
            return tuple(DeliveryAttempt(**row._mapping) for row in connection.execute(statement))

    def retry_dead(self, source: str, *, at: datetime, message_id: str | None = None) -> int:
        """Let dead letters be tried once more, with their key, from a moment on; returns how many.

        What has expired meanwhile stays dead. Who may have been reached already is unknown, not new.
        """
        statement = outbox.update().where(
            outbox.c.source == source, outbox.c.state == "dead", outbox.c.expires_at > at
        )
        if message_id is not None:
            statement = statement.where(outbox.c.message_id == message_id)
        again = sa.case((outbox.c.sent_at.is_not(None), "unknown"), else_="pending")
        with self.writing() as connection:
            return connection.execute(statement.values(state=again, next_attempt_at=at)).rowcount

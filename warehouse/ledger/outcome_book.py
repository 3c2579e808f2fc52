"""Outcomes that tools reported: each taken once, under the id that the tool gave it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from warehouse.ledger.bulk import insert_new, rows_by_key
from warehouse.ledger.campaign_records import Coupon
from warehouse.ledger.campaign_tables import coupons, outbox
from warehouse.ledger.outcome_tables import reported_outcomes
from warehouse.ledger.store import Store


@dataclass(frozen=True)
class ReportedOutcome:
    """One outcome as a tool reported it.

    Attributes
    ----------
    reporter, outcome_id : str
        Who reported it, and under which id.
    sha256 : str
        Of everything that was said; the same id with another one is a contradiction.
    kind : str
        opened, clicked, converted or batch (a whole report under one key).
    subject : str
        The touch or coupon it is about.
    landed_as : str
        The file that brings it into the line.
    """

    source: str
    reporter: str
    outcome_id: str
    sha256: str
    kind: str
    subject: str
    occurred_at: datetime
    reported_at: datetime
    landed_as: str


@dataclass(frozen=True)
class SentMessage:
    """What an outcome of a message needs to know of it."""

    message_id: str
    user_id: str
    campaign_id: str
    channel: str
    sent_at: datetime


class OutcomeBook(Store):
    """The part of the ledger that knows what came back from tools."""

    def known_outcomes(
        self, connection: Connection, source: str, reporter: str, outcome_ids: Sequence[str]
    ) -> dict[str, str]:
        """Return the sha256 of those outcomes that were taken before, by id, in the caller's transaction."""
        table = reported_outcomes
        statement = sa.select(table.c.outcome_id, table.c.sha256).where(
            table.c.source == source, table.c.reporter == reporter
        )
        rows = rows_by_key(connection, statement, table.c.outcome_id, outcome_ids)
        return {row.outcome_id: row.sha256 for row in rows}

    def first_moments(
        self, connection: Connection, source: str, subjects: Sequence[str]
    ) -> dict[tuple[str, str], datetime]:
        """Return when touches were first opened and clicked according to all reports, by (touch, kind)."""
        table = reported_outcomes
        statement = sa.select(table.c.subject, table.c.kind, table.c.occurred_at).where(
            table.c.source == source, table.c.kind.in_(("opened", "clicked"))
        )
        found: dict[tuple[str, str], datetime] = {}
        for row in rows_by_key(connection, statement, table.c.subject, subjects):
            at = row.occurred_at.astimezone(UTC)
            found[row.subject, row.kind] = min(at, found.get((row.subject, row.kind), at))
        return found

    def record_outcomes(self, connection: Connection, outcomes: Sequence[ReportedOutcome]) -> int:
        """Record outcomes in the caller's transaction, and count the new ones."""
        return insert_new(connection, reported_outcomes, [vars(outcome) for outcome in outcomes])

    def sent_messages(
        self, connection: Connection, source: str, message_ids: Sequence[str]
    ) -> dict[str, SentMessage]:
        """Return those messages that were sent, or may have been, by id, in the caller's transaction."""
        columns = (
            *(outbox.c.message_id, outbox.c.user_id, outbox.c.campaign_id),
            *(outbox.c.channel, outbox.c.sent_at),
        )
        statement = sa.select(*columns).where(outbox.c.source == source, outbox.c.sent_at.is_not(None))
        rows = rows_by_key(connection, statement, outbox.c.message_id, message_ids)
        return {row.message_id: SentMessage(**row._mapping) for row in rows}

    def issued_coupons(
        self, connection: Connection, source: str, coupon_codes: Sequence[str]
    ) -> dict[str, Coupon]:
        """Return those coupons that were issued, by code, in the caller's transaction."""
        statement = sa.select(coupons).where(coupons.c.source == source)
        rows = rows_by_key(connection, statement, coupons.c.coupon_code, coupon_codes)
        return {row.coupon_code: Coupon(**row._mapping) for row in rows}

"""Notices: what people were to be told, once per channel, and what waits for a receiver that is down."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from warehouse.ledger.notice_tables import notices
from warehouse.ledger.store import Store


@dataclass(frozen=True)
class StoredNotice:
    """One notice for one channel.

    Attributes
    ----------
    notice_key : str
        What makes it the same notice when it is asked for again.
    channel : str
        ``email``, ``slack`` or ``webhook``.
    audience : str
        ``engineers`` or ``service``.
    payload : str
        The notice itself, as JSON.
    state : str
        ``waiting``, ``sent``, ``quiet`` (a repeat that nobody is told of by itself) or ``given_up``.
    """

    source: str
    notice_key: str
    channel: str
    audience: str
    kind: str
    subject: str
    payload: str
    state: str
    created_at: datetime
    sent_at: datetime | None = None
    tries: int = 0
    failure: str | None = None


class NoticeBook(Store):
    """The part of the ledger that knows notices."""

    def record_notices(self, wanted: Sequence[StoredNotice]) -> tuple[StoredNotice, ...]:
        """Record notices that are not there yet, and return those."""
        new = []
        with self.writing() as connection:
            for notice in wanted:
                statement = self.insert_or_ignore(notices, dataclasses.asdict(notice))
                added = statement.returning(notices.c.notice_key)
                if connection.execute(added).one_or_none() is not None:
                    new.append(notice)
        return tuple(new)

    def waiting_notices(self, source: str) -> tuple[StoredNotice, ...]:
        """Return the notices that no receiver has taken yet, oldest first."""
        return self._found(notices.c.source == source, notices.c.state == "waiting")

    def notices(self, source: str, kind: str, subject: str) -> tuple[StoredNotice, ...]:
        """Return every notice of a kind about a subject, oldest first."""
        same = (notices.c.source == source, notices.c.kind == kind, notices.c.subject == subject)
        return self._found(*same)

    def record_notice_sent(self, sent: StoredNotice, failure: str | None = None) -> None:
        """Record that a receiver took a notice, or why it did not; then it goes on waiting."""
        values: dict[str, object] = {"failure": failure, "tries": notices.c.tries + 1}
        if not failure:
            values |= {"state": "sent", "sent_at": self.clock()}
        self._change(values, *_same(sent))

    def give_up_notices(self, source: str, before: datetime) -> None:
        """Leave what has waited since before a moment: it is old news."""
        old = (notices.c.state == "waiting", notices.c.created_at < before)
        self._change({"state": "given_up"}, notices.c.source == source, *old)

    def forget_notices(self, source: str, before: datetime) -> None:
        """Forget notices from before a moment that nobody is to be told of any more."""
        old = (notices.c.state != "waiting", notices.c.created_at < before)
        with self.writing() as connection:
            connection.execute(notices.delete().where(notices.c.source == source, *old))

    def _found(self, *conditions: sa.ColumnElement[bool]) -> tuple[StoredNotice, ...]:
        order = (notices.c.created_at, notices.c.notice_key, notices.c.channel)
        statement = sa.select(notices).where(*conditions).order_by(*order)
        with self.reading() as connection:
            return tuple(StoredNotice(**row._mapping) for row in connection.execute(statement))

    def _change(self, values: dict[str, object], *conditions: sa.ColumnElement[bool]) -> None:
        with self.writing() as connection:
            connection.execute(notices.update().where(*conditions).values(**values))


def _same(notice: StoredNotice) -> tuple[sa.ColumnElement[bool], ...]:
    return tuple(notices.c[name] == getattr(notice, name) for name in ("source", "notice_key", "channel"))

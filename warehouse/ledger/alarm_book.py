"""Alarms: what was raised for which day, once, and whether somebody was told."""

import dataclasses
from collections.abc import Sequence
from datetime import date

import sqlalchemy as sa

from warehouse.ledger.records import Alarm
from warehouse.ledger.store import Store
from warehouse.ledger.tables import alarms


class AlarmBook(Store):
    """The part of the ledger that knows alarms."""

    def record_alarms(self, raised: Sequence[Alarm]) -> tuple[Alarm, ...]:
        """Record alarms and return those that are new, in the given order.

        An alarm of the same source, day, kind and subject stands as it was first raised. If nobody was to be
        told of it then, and somebody is now, it waits from now on.
        """
        new = []
        with self.writing() as connection:
            for alarm in raised:
                values = dataclasses.asdict(alarm) | {"raised_at": alarm.raised_at or self.clock()}
                statement = self.insert_or_ignore(alarms, values).returning(alarms.c.subject)
                if connection.execute(statement).one_or_none() is not None:
                    new.append(Alarm(**values))
                elif alarm.notification == "waiting":
                    untold = alarms.update().where(*_same(alarm), alarms.c.notification == "not_asked")
                    connection.execute(untold.values(notification="waiting"))
        return tuple(new)

    def record_notified(self, told: Sequence[Alarm], failure: str | None = None) -> None:
        """Record that somebody was told of alarms, or why telling failed; what failed goes on waiting."""
        values: dict[str, object] = {"failure": failure}
        if not failure:
            values |= {"notification": "sent", "notified_at": self.clock()}
        with self.writing() as connection:
            for alarm in told:
                connection.execute(alarms.update().where(*_same(alarm)).values(**values))

    def alarms(
        self,
        source: str,
        *,
        first_day: date | None = None,
        last_day: date | None = None,
        kind: str | None = None,
        notification: str | None = None,
    ) -> tuple[Alarm, ...]:
        """Return the alarms of a source, by day, kind and subject.

        Parameters
        ----------
        source : str
            The shop.
        first_day, last_day : date, optional
            The range of as_of_dates, both included.
        kind, notification : str, optional
            Only alarms of this kind, or in this state.
        """
        statement = (
            sa.select(alarms)
            .where(alarms.c.source == source)
            .order_by(alarms.c.as_of_date, alarms.c.kind, alarms.c.subject)
        )
        if first_day is not None:
            statement = statement.where(alarms.c.as_of_date >= first_day)
        if last_day is not None:
            statement = statement.where(alarms.c.as_of_date <= last_day)
        if kind is not None:
            statement = statement.where(alarms.c.kind == kind)
        if notification is not None:
            statement = statement.where(alarms.c.notification == notification)
        with self.reading() as connection:
            return tuple(Alarm(**row._mapping) for row in connection.execute(statement))


def _same(alarm: Alarm) -> tuple[sa.ColumnElement[bool], ...]:
    key = ("source", "as_of_date", "kind", "subject")
    return tuple(alarms.c[name] == getattr(alarm, name) for name in key)

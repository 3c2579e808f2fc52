"""Launches: one campaign on one day, how large it is, and whether it may go."""

from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from warehouse.ledger.audit_book import Action, AuditBook
from warehouse.ledger.campaign_records import CampaignLaunch
from warehouse.ledger.campaign_tables import campaign_launches, outbox
from warehouse.ledger.records import LedgerError

# What becomes of the messages that a launch holds back, by how it is decided.
MESSAGES_BECOME = {"released": "pending", "rejected": "cancelled", "expired": "expired"}


@dataclass(frozen=True)
class _Verdict:
    state: str
    decided_by: str
    at: datetime
    reason: str | None


class LaunchBook(AuditBook):
    """The part of the ledger that knows launches and who let them go."""

    def record_launch(self, connection: Connection, launch: CampaignLaunch) -> None:
        """Record a launch inside the caller's transaction; the same run again replaces what it said."""
        key = {"source": launch.source, "run_id": launch.run_id, "campaign_id": launch.campaign_id}
        values = {**vars(launch), "created_at": launch.created_at or self.clock()}
        connection.execute(self.insert_or_ignore(campaign_launches, values))
        kept = {name: value for name, value in values.items() if name not in ("created_at", *key)}
        connection.execute(campaign_launches.update().filter_by(**key).values(**kept))

    def decide_launch(
        self,
        source: str,
        as_of_date: date,
        campaign_id: str,
        state: str,
        *,
        decided_by: str,
        at: datetime,
        reason: str | None = None,
    ) -> tuple[CampaignLaunch, ...]:
        """Release, reject or let expire what waits of a campaign's day, and its messages with it.

        One transaction: the launch and the messages that it holds back change together. Saying it again
        changes nothing.

        Parameters
        ----------
        source, as_of_date, campaign_id : str, date, str
            Which launch; those of several runs of the same day are one.
        state : {"released", "rejected", "expired"}
            What is decided.
        decided_by : str
            Who decides.
        at : datetime
            Now. A release after the deadline is refused, and the launch expires instead.
        reason : str, optional
            In words.

        Returns
        -------
        tuple of CampaignLaunch
            The launches that were decided now; empty if none waited and it was decided so before.

        Raises
        ------
        LedgerError
            If there is no such launch, it was decided otherwise, or the release comes too late.
        """
        with self.writing() as connection:
            found = self._launches(connection, source, as_of_date, campaign_id)
            waiting = [launch for launch in found if launch.state == "awaiting_approval"]
            late = [one for one in waiting if one.deadline_at is not None and one.deadline_at < at]
            if state == "released" and late:
                self._settle(connection, late, _too_late(at))
            else:
                self._settle(connection, waiting, _Verdict(state, decided_by, at, reason))
            decided = self._launches(connection, source, as_of_date, campaign_id)
        if state == "released" and late:
            raise LedgerError(
                f"The approval of {campaign_id} on {as_of_date} comes too late: nothing of it is sent",
                str(late[0].deadline_at),
                "nothing; the next day's launch can be approved",
            )
        if not waiting and (not found or found[-1].state != state):
            raise LedgerError(
                f"No launch of {campaign_id} on {as_of_date} waits for a decision",
                found[-1].state if found else None,
                "list launches with `python -m campaigns status`",
            )
        keys = {launch.run_id for launch in waiting}
        return tuple(launch for launch in decided if launch.run_id in keys)

    def expire_launches(self, source: str, at: datetime) -> tuple[CampaignLaunch, ...]:
        """Let every launch expire whose deadline has passed, and its messages; in one transaction."""
        table = campaign_launches
        statement = sa.select(table).where(
            table.c.source == source, table.c.state == "awaiting_approval", table.c.deadline_at < at
        )
        with self.writing() as connection:
            late = [CampaignLaunch(**row._mapping) for row in connection.execute(statement)]
            self._settle(connection, late, _too_late(at))
            return tuple(
                one
                for launch in late
                for one in self._launches(connection, source, launch.as_of_date, launch.campaign_id)
                if one.run_id == launch.run_id
            )

    def launches(
        self,
        source: str,
        *,
        as_of_date: date | None = None,
        campaign_id: str | None = None,
        state: str | None = None,
    ) -> tuple[CampaignLaunch, ...]:
        """Return launches of a source, oldest first."""
        with self.reading() as connection:
            return self._launches(connection, source, as_of_date, campaign_id, state)

    def launches_of_day(
        self, connection: Connection, source: str, as_of_date: date, campaign_id: str
    ) -> tuple[CampaignLaunch, ...]:
        """Return the launches of a campaign's day, oldest first, in the caller's transaction."""
        return self._launches(connection, source, as_of_date, campaign_id)

    def _launches(
        self,
        connection: Connection,
        source: str,
        as_of_date: date | None = None,
        campaign_id: str | None = None,
        state: str | None = None,
    ) -> tuple[CampaignLaunch, ...]:
        table = campaign_launches
        wanted = {"as_of_date": as_of_date, "campaign_id": campaign_id, "state": state}
        statement = (
            sa.select(table)
            .filter_by(source=source, **{name: value for name, value in wanted.items() if value is not None})
            .order_by(table.c.as_of_date, table.c.created_at, table.c.run_id, table.c.campaign_id)
        )
        return tuple(CampaignLaunch(**row._mapping) for row in connection.execute(statement))

    def _settle(self, connection: Connection, launches: list[CampaignLaunch], verdict: _Verdict) -> None:
        table, done = campaign_launches, []
        for launch in launches:
            # who decides at the same moment waits here, and then finds nothing left to decide
            decided = connection.execute(
                table.update()
                .filter_by(source=launch.source, run_id=launch.run_id, campaign_id=launch.campaign_id)
                .where(table.c.state == "awaiting_approval")
                .values(
                    state=verdict.state,
                    decided_by=verdict.decided_by,
                    decided_at=verdict.at,
                    reason=_joined(launch.reason, verdict.reason),
                )
            )
            if decided.rowcount:
                connection.execute(
                    outbox.update()
                    .filter_by(
                        source=launch.source,
                        as_of_date=launch.as_of_date,
                        campaign_id=launch.campaign_id,
                        state="held",
                    )
                    .values(
                        state=MESSAGES_BECOME[verdict.state],
                        failure=None if verdict.state == "released" else verdict.reason,
                    )
                )
                told = {"as_of_date": launch.as_of_date.isoformat(), "run_id": launch.run_id}
                done.append(Action(verdict.decided_by, f"launch.{verdict.state}", launch.campaign_id, told))
        if done:
            self.append_actions(connection, done)


def _too_late(at: datetime) -> _Verdict:
    return _Verdict("expired", "deadline", at, "nobody approved it in time")


def _joined(before: str | None, added: str | None) -> str | None:
    return "; ".join(text for text in (before, added) if text) or None

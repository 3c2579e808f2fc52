"""The refresh's own file: what earlier rounds made of the list, and every alert that was ever raised.

One transaction per round. What is in it survives a crash; what is not was never done. The file can be lost:
the next round works everything out again since the list, and takes the alerts from the published ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import duckdb

from warehouse.connections import open_beside_build
from warehouse.intraday.ground import Ground
from warehouse.ledger import Run
from warehouse.settings import Settings

ALIAS = "intraday"
# Tables of the published file in which a touched user's row is replaced, all of them of the list's day.
REFRESHED = ("user_features_latest", "churn_scores_history", "user_risk_tiers_history", "at_risk_users")
ALERTS = "risk_alerts"

MADE = f"""
create table if not exists {ALIAS}.round (
    base_run_id varchar, refresh_day date, delivery_number bigint, run_id varchar, epoch bigint,
    refreshed_at timestamp
);
create table if not exists {ALIAS}.waiting (user_id varchar);
create table if not exists {ALIAS}.told (alert_id varchar);
"""


@dataclass(frozen=True)
class Round:
    """What the newest round left.

    Attributes
    ----------
    base_run_id : str
        The daily run whose list was refreshed.
    refresh_day : date
        The day at whose end its users are described.
    delivery_number : int
        The newest delivery that it took in.
    run_id, epoch : str, int
        The round's own run.
    """

    base_run_id: str
    refresh_day: date
    delivery_number: int
    run_id: str
    epoch: int


@dataclass(frozen=True)
class Alert:
    """One alert, as those who are told need it: no personal data but the user's pseudonym."""

    alert_id: str
    user_id: str
    alert_kind: str
    severity: str
    risk_tier: str
    since_date: date
    raised_at: datetime
    reason_sentence_en: str
    reason_sentence_zh: str
    what_to_do_en: str
    what_to_do_zh: str


class Memory:
    """The refresh's file, attached to a connection as ``intraday``.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Has it attached for writing, and the daily list as ``base``.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        connection.execute(MADE)
        if not self._has(ALERTS):
            connection.begin()
            connection.execute(f"create table {ALIAS}.{ALERTS} as from base.{ALERTS}")
            connection.execute(f"insert into {ALIAS}.told select alert_id from {ALIAS}.{ALERTS}")
            connection.commit()

    def newest_round(self) -> Round | None:
        """Return what the newest round left, or None before the first."""
        row = self.connection.execute(
            f"select base_run_id, refresh_day, delivery_number, run_id, epoch from {ALIAS}.round"
        ).fetchone()
        return Round(*row) if row else None

    def newest(self) -> Round:
        """Return what the newest round left; one there must be."""
        found = self.newest_round()
        if found is None:
            raise LookupError("no round has been kept")
        return found

    def waiting(self) -> list[str]:
        """Return users whose large basket was not left for long enough when it was last looked at."""
        return [user for (user,) in self.connection.execute(f"from {ALIAS}.waiting").fetchall()]

    def untold(self) -> tuple[Alert, ...]:
        """Return the alerts of refreshes that nobody was told of yet, the most urgent kind first."""
        return _alerts(
            self.connection, f"select * from {ALIAS}.{ALERTS} anti join {ALIAS}.told using (alert_id)"
        )

    def keep(self, run: Run, ground: Ground) -> int:
        """Take over what a round made, in one transaction.

        The connection's own schema ``made`` holds a table for each of `REFRESHED`, ``made.risk_alerts``
        and ``made.waiting``; ``made.touched`` says who was looked at.

        Returns
        -------
        int
            Alerts that are new.
        """
        connection = self.connection
        connection.begin()
        try:
            for table in REFRESHED:
                if not self.holds(table, ground):
                    connection.execute(
                        f"create or replace table {ALIAS}.{table} as from base.{table} limit 0"
                    )
                connection.execute(f"delete from {ALIAS}.{table} where user_id in (from made.touched)")
                connection.execute(f"insert into {ALIAS}.{table} by name from made.{table}")
            connection.execute(f"create or replace table {ALIAS}.waiting as from made.waiting")
            before = self._count(ALERTS)
            connection.execute(
                f"insert into {ALIAS}.{ALERTS} by name from made.{ALERTS} "
                f"anti join {ALIAS}.{ALERTS} using (alert_id)"
            )
            connection.execute(f"delete from {ALIAS}.round")
            connection.execute(
                f"insert into {ALIAS}.round values (?, ?, ?, ?, ?, ?)",
                [
                    *(ground.base.run_id, ground.refresh_day, ground.newest_delivery),
                    *(run.run_id, run.epoch, run.started_at.replace(tzinfo=None)),
                ],
            )
            connection.commit()
        except BaseException:
            connection.rollback()
            raise
        return self._count(ALERTS) - before

    def holds(self, table: str, ground: Ground) -> bool:
        """Say whether earlier rounds replaced rows of a table of this list, as of this day."""
        newest = self.newest_round()
        return (
            newest is not None
            and (newest.base_run_id, newest.refresh_day) == (ground.base.run_id, ground.refresh_day)
            and self._has(table)
        )

    def users(self) -> int:
        """Return how many users of the list were replaced."""
        return self._count("user_risk_tiers_history")

    def _count(self, table: str) -> int:
        rows = self.connection.execute(f"select count(*) from {ALIAS}.{table}").fetchall()
        return int(rows[0][0])

    def _has(self, table: str) -> bool:
        rows = self.connection.execute(
            "select count(*) from duckdb_tables() where database_name = ? and table_name = ?", [ALIAS, table]
        ).fetchall()
        return bool(rows[0][0])


def raised_alerts(settings: Settings) -> tuple[Alert, ...]:
    """Return every alert that refreshes remember, for who wants to tell them.

    Raises
    ------
    Busy
        If another process writes the build file.
    """
    if not settings.intraday_file.exists():
        return ()
    with open_beside_build(settings, {ALIAS: settings.intraday_file}) as connection:
        return _alerts(connection, f"select * from {ALIAS}.{ALERTS}")


def mark_told(settings: Settings, alert_ids: Sequence[str]) -> None:
    """Remember that somebody was told of alerts, so that the next round does not name them again.

    Raises
    ------
    Busy
        If another process writes the build file.
    """
    with open_beside_build(settings, {ALIAS: settings.intraday_file}) as connection:
        connection.execute(
            f"insert into {ALIAS}.told (select unnest(?::varchar[]) as alert_id except from {ALIAS}.told)",
            [list(alert_ids)],
        )


def _alerts(connection: duckdb.DuckDBPyConnection, rows: str) -> tuple[Alert, ...]:
    names = list(Alert.__dataclass_fields__)
    found: list[tuple[Any, ...]] = connection.execute(
        f"select {', '.join(names)} from ({rows}) "
        "order by case severity when 'urgent' then 1 when 'important' then 2 else 3 end, "
        "alert_kind, user_id, alert_id"
    ).fetchall()
    return tuple(Alert(*row) for row in found)

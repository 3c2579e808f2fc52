"""The published decisions of a day, read from a snapshot: who was chosen for what, and how it is put."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from warehouse.connections import open_read_only
from warehouse.errors import ContractBreach
from warehouse.publish.manifest import DATABASE_NAME

ACTIONS = "campaign_actions"
NEEDED = (
    *("user_id", "campaign_id", "experiment_id", "arm", "stratum", "holdout_share", "action", "offer_id"),
    *("channel", "language", "time_zone", "preferred_hour", "trigger_code", "expected_net_value", "cost"),
    "choice_rank",
)
# Whatever SQL counts them in, Python adds floats.
AMOUNTS = ("holdout_share", "expected_net_value", "cost")
# Told where they are published; none of them is needed.
OPTIONAL = (
    *("risk_tier", "value_tier"),
    *(f"reason_{place}_sentence_{language}" for place in (1, 2, 3) for language in ("en", "zh")),
)
PRODUCTS = "user_recommendations"
ROWS_AT_A_TIME = 10_000


@dataclass(frozen=True)
class Chosen:
    """A user who was chosen for a campaign, with what the limits need to know; arms play no part in them."""

    user_id: str
    arm: str | None
    stratum: str
    holdout_share: float
    channel: str
    cost: float


@dataclass(frozen=True)
class Audience:
    """What the power calculation said of a campaign's day."""

    users: int
    status: str
    reason: str


class Decisions:
    """What a snapshot says of campaigns; `opened` makes one.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The published database, open for reading.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._columns = self._columns_of(ACTIONS)
        missing = [name for name in NEEDED if name not in self._columns]
        if missing:
            raise ContractBreach(
                f"The published table {ACTIONS} lacks columns", missing, "build and publish the day again"
            )

    @classmethod
    @contextmanager
    def opened(cls, snapshot: Path) -> "Iterator[Decisions]":
        """Open the decisions of a snapshot.

        Raises
        ------
        ContractBreach
            If it holds no decisions, or some of what they must say is missing.
        """
        with open_read_only(snapshot / DATABASE_NAME) as connection:
            yield cls(connection)

    def campaigns(self) -> list[str]:
        """Return the campaigns that somebody was chosen for."""
        rows = self._connection.execute(f"select distinct campaign_id from {ACTIONS} order by all").fetchall()
        return [str(row[0]) for row in rows]

    def audience(self, campaign_id: str) -> Audience | None:
        """Return what the power calculation said; None where it is not published."""
        if "users_in_audience" not in self._columns_of("campaign_design"):
            return None
        row = self._connection.execute(
            "select users_in_audience, status, reason from campaign_design where campaign_id = ?",
            [campaign_id],
        ).fetchone()
        return None if row is None else Audience(int(row[0]), str(row[1]), str(row[2]))

    def chosen(self, campaign_id: str) -> list[Chosen]:
        """Return who was chosen for a campaign, best first."""
        rows = self._connection.execute(
            "select user_id, arm, stratum, cast(holdout_share as double), channel, cast(cost as double) "
            f"from {ACTIONS} "
            "where campaign_id = ? order by choice_rank, user_id",
            [campaign_id],
        ).fetchall()
        return [Chosen(*row) for row in rows]

    def rows(self, campaign_id: str) -> Iterator[list[dict[str, Any]]]:
        """Yield everything that was decided for a campaign, best first, a part at a time."""
        names = [*NEEDED, *(name for name in OPTIONAL if name in self._columns)]
        cursor = self._connection.cursor()
        listed = ", ".join(f"cast({name} as double)" if name in AMOUNTS else name for name in names)
        rows = cursor.execute(
            f"select {listed} from {ACTIONS} where campaign_id = ? order by choice_rank, user_id",
            [campaign_id],
        )
        while part := rows.fetchmany(ROWS_AT_A_TIME):
            yield [dict(zip(names, row, strict=True)) for row in part]

    def products(self, user_ids: Sequence[str]) -> Mapping[str, list[Any]]:
        """Return the recommended products of users, best first; empty where none are published."""
        columns = self._columns_of(PRODUCTS)
        if not {"user_id", "product_id"} <= set(columns):
            return {}
        order = next(
            (name for name in ("recommendation_rank", "product_rank", "rank") if name in columns), None
        )
        told = [name for name in ("product_id", "brand", "category") if name in columns]
        packed = ", ".join(f"{name} := {name}" for name in told)
        rows = self._connection.execute(
            f"select user_id, list(struct_pack({packed}) order by {order or 'product_id'}) from {PRODUCTS} "
            "where user_id in (select unnest($users)) group by user_id",
            {"users": list(user_ids)},
        ).fetchall()
        return {str(user_id): list(products) for user_id, products in rows}

    def global_control(self) -> Iterator[list[tuple[Any, ...]]]:
        """Yield users of the global control: (user_id, stratum, holdout_share, salt, assigned_on)."""
        columns = self._columns_of("campaign_assignments")
        if not {"arm", "salt", "stratum", "holdout_share", "assigned_on"} <= set(columns):
            return
        is_new = "and not is_recorded" if "is_recorded" in columns else ""
        rows = self._connection.cursor().execute(
            "select user_id, stratum, holdout_share, salt, assigned_on from campaign_assignments "
            f"where arm = 'global_control' {is_new} order by user_id"
        )
        while part := rows.fetchmany(ROWS_AT_A_TIME):
            yield part

    def _columns_of(self, table: str) -> list[str]:
        rows = self._connection.execute(
            "select column_name from duckdb_columns() where table_name = ? order by column_index", [table]
        ).fetchall()
        return [str(row[0]) for row in rows]

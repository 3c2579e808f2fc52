"""Makers of small simulated worlds, and readers of what they delivered."""

import csv
import datetime as dt
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sample_shop.interventions import Interventions
from sample_shop.people import People
from sample_shop.state import Lives
from sample_shop.world import World

FIRST_DAY = dt.date(2025, 9, 1)


def small_world(**changes: Any) -> World:
    return World(
        **({"users": 300, "seed": 11, "first_day": FIRST_DAY, "days": 90, "dirty_rate": 0.05} | changes)
    )


def delivered_to(
    world: World, day: int, user: int, *, face_value: float = 0, valid_days: int = 14, **more: Any
) -> dict[str, Any]:
    """What a campaign delivered to one user at nine in the morning."""
    return {
        "message_id": f"m{day}-{user}",
        "user_id": f"u{user:07d}",
        "sent_at": dt.datetime.combine(world.date(day), dt.time(9)),
        "action": "recommendation",
        "channel": "email",
        "campaign_id": "win_back",
        "coupon_code": f"KEEP-{day}-{user}" if face_value else None,
        "face_value": float(face_value) if face_value else None,
        "expires_on": world.date(day + valid_days) if face_value else None,
    } | more


DELIVERED = pa.schema(
    [
        *((name, pa.string()) for name in ("message_id", "user_id")),
        ("sent_at", pa.timestamp("s")),
        *((name, pa.string()) for name in ("action", "channel", "campaign_id", "coupon_code")),
        ("face_value", pa.float64()),
        ("expires_on", pa.date32()),
    ]
)


def interventions_of(world: World, day: int, users: Any, **more: Any) -> Interventions:
    rows = [delivered_to(world, day, int(user), **more) for user in users]
    return Interventions.of(
        pa.Table.from_pylist(rows, schema=DELIVERED),
        first_day=world.first_day,
        signed_up=world.signed_up_through,
    )


@dataclass(frozen=True)
class Delivered:
    """A world in a folder, with readers for what was delivered."""

    world: World
    home: Path

    @property
    def landing(self) -> Path:
        return self.home / "landing" / "sample_shop"

    @property
    def truth(self) -> Path:
        return self.home / "sample_shop" / "truth"

    def files(self, table: str) -> list[Path]:
        found = sorted(self.landing.glob(f"*/{table}.*"))
        assert found, f"no file of {table}"
        return found

    def lines(self, table: str) -> Iterator[str]:
        """Every data line of a CSV or JSON Lines table, malformed ones included."""
        for path in self.files(table):
            text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            yield from text.decode().splitlines()[0 if path.suffix == ".jsonl" else 1 :]

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Every row of a table; the world should be clean."""
        if table == "products":
            return [row for path in self.files(table) for row in pq.read_table(path).to_pylist()]
        if self.files(table)[0].suffix == ".jsonl":
            return [json.loads(line) for line in self.lines(table)]
        opened = gzip.open if self.files(table)[0].suffix == ".gz" else open
        rows: list[dict[str, Any]] = []
        for path in self.files(table):
            with opened(path, "rt", encoding="utf-8", newline="") as stream:
                rows.extend(csv.DictReader(stream))
        return rows


@dataclass(frozen=True)
class Lived:
    """Users who lived in memory, without files."""

    people: People
    lives: Lives
    last_day: int

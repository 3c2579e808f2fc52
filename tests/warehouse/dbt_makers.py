"""A tiny shop whose deliveries are written straight into the raw tables, and dbt runs over it."""

import hashlib
import os
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from warehouse.connections import open_build
from warehouse.dbt_project import dbt_vars, run_dbt
from warehouse.ingest.tables import prepare_tables
from warehouse.settings import Settings
from warehouse.sources import load_source

Row = dict[str, Any]


class Shop:
    """A sample_shop home; `deliver` adds rows, `build` runs dbt."""

    def __init__(self, home: Path) -> None:
        self.settings = Settings.from_environment(
            {"HOLDFAST_HOME": str(home), "HOLDFAST_SOURCE": "sample_shop"}
        )
        self.source = load_source("sample_shop")
        self.deliveries = 0
        self.settings.build_file.parent.mkdir(parents=True)
        with open_build(self.settings) as connection:
            prepare_tables(connection, self.source)

    def deliver(self, known_on: date, **tables: Sequence[Row]) -> None:
        """Write one delivery: rows per table, columns not named are NULL."""
        self.deliveries += 1
        with open_build(self.settings) as connection:
            for name, rows in tables.items():
                table = self.source.table(name)
                for line, row in enumerate(rows, start=1):
                    full = {
                        **row,
                        "delivery_id": f"delivery-{self.deliveries}",
                        "delivery_number": self.deliveries,
                        "source_file": f"{name}.csv",
                        "source_line": line,
                        "known_on": known_on,
                    }
                    connection.execute(
                        f"insert into {table.schema}.{table.identifier} ({', '.join(full)}) "
                        f"values ({', '.join('?' for _ in full)})",
                        list(full.values()),
                    )

    def build(self, selector: str, *days: date, full_refresh: bool = False) -> None:
        """Run the models of a selector, without their tests."""
        arguments = ["build", "--quiet", "--resource-type", "model", "--resource-type", "seed"]
        arguments += ["--selector", selector, *(["--full-refresh"] if full_refresh else [])]
        run_dbt(self.settings, arguments, dbt_vars(self.settings, days, label_step_days=1))

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Read the build file."""
        with open_build(self.settings) as connection:
            return connection.execute(query, list(values)).fetchall()

    def write(self, statement: str) -> None:
        """Change the build file."""
        with open_build(self.settings) as connection:
            connection.execute(statement)

    def digest(self, table: str, condition: str = "true") -> str:
        """Return a checksum over every value of a table's rows; fails on an empty one."""
        rows = sorted(map(repr, self.rows(f"select * from {table} where {condition}")))
        assert rows, f"{table} has no rows where {condition}"
        return hashlib.sha256("\n".join(rows).encode()).hexdigest()


@contextmanager
def machine_in(zone: str) -> Iterator[None]:
    """Let the process believe that it runs in another time zone."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = zone
    time.tzset()
    try:
        yield
    finally:
        if before is None:
            del os.environ["TZ"]
        else:
            os.environ["TZ"] = before
        time.tzset()


def random_deliveries(
    first: date, days: int, users: int, seed: int
) -> Iterator[tuple[date, dict[str, list[Row]]]]:
    """Yield (known_on, tables) for each day; the last orders of a day come a day late."""
    chance = random.Random(seed)  # noqa: S311 - test data
    late: list[Row] = []
    for offset in range(days):
        day = first + timedelta(days=offset)
        orders, items, events, messages = late, [], [], []
        late = []
        for user in chance.sample(range(users), k=users // 3):
            # the shop is in Shanghai: 16:30 UTC is half past midnight there, on the next day
            at = datetime(day.year, day.month, day.day, chance.choice([1, 9, 15, 16]), 30)
            common = {"user_id": f"u{user}"}
            for number, kind in enumerate(
                chance.sample(["product_view", "add_to_cart", "search", "checkout"], 3)
            ):
                events.append(
                    {
                        **common,
                        "event_id": f"e{offset}-{user}-{number}",
                        "session_id": f"s{offset}-{user}",
                        "occurred_at": at,
                        "event_type": kind,
                        "product_id": f"p{chance.randrange(5)}",
                        "duration_seconds": chance.randrange(100),
                        "device": chance.choice(["ios_app", "desktop_web"]),
                    }
                )
            if chance.random() < 0.3:
                order = {
                    **common,
                    "order_id": f"o{offset}-{user}",
                    "ordered_at": at,
                    "status": chance.choice(["paid", "paid", "paid", "cancelled"]),
                    "gross_amount": chance.randrange(1, 100),
                    "discount_amount": 0,
                    "currency": "CNY",
                }
                (late if chance.random() < 0.2 else orders).append(order)
                items += [
                    {
                        "order_id": order["order_id"],
                        "line_number": line,
                        "product_id": f"p{chance.randrange(5)}",
                        "quantity": line,
                        "unit_price": 3,
                    }
                    for line in (1, 2)
                ]
            if chance.random() < 0.1:
                messages.append(
                    {
                        **common,
                        "message_id": f"m{offset}-{user}",
                        "conversation_id": f"c{offset}-{user}",
                        "sent_at": at,
                        "sender": "user",
                        "message_text": chance.choice(["It arrived broken", "Thank you"]),
                    }
                )
        tables = {
            "orders": orders,
            "order_items": items,
            "events": events,
            "support_messages": messages,
        }
        if offset == 0:
            tables["users"] = [{"user_id": f"u{user}", "country": "CN"} for user in range(users)]
            tables["products"] = [{"product_id": f"p{i}", "category": f"k{i % 2}"} for i in range(5)]
        yield day, {name: rows for name, rows in tables.items() if rows}

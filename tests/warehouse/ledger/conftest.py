"""Every ledger test runs on SQLite and on a real PostgreSQL server, which the session starts."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from warehouse.ledger import Ledger


class SteppingClock:
    """A clock that moves a minute on whenever it is read."""

    def __init__(self) -> None:
        self.now = datetime(2024, 3, 1, 6, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(minutes=1)
        return self.now


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger' / 'ledger.db'}"
    server = request.getfixturevalue("postgres_server")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("drop schema public cascade; create schema public")
    return str(server)


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    with Ledger(ledger_url, SteppingClock()) as opened:
        yield opened

"""A home with published decisions for every test, on SQLite or on a real PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.campaigns.published_day import PublishedDay, published_day
from tests.warehouse.conftest import postgres_server

__all__ = ["postgres_server"]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PublishedDay]:
    with published_day(tmp_path, monkeypatch) as opened:
        yield opened


@pytest.fixture(params=["sqlite", "postgresql"])
def any_shop(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[PublishedDay]:
    """Return the same on both databases that the ledger knows."""
    url = ""
    if request.param == "postgresql":
        import psycopg

        url = request.getfixturevalue("postgres_server")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("drop schema public cascade; create schema public")
    with published_day(tmp_path, monkeypatch, url) as opened:
        yield opened

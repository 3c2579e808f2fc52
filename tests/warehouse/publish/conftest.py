"""A home of its own for every test, and the tiny build file in it."""

from collections.abc import Iterator

import pytest

from tests.warehouse.publish.tiny_build import fast_home, tiny_settings
from warehouse.ledger import Ledger
from warehouse.settings import Settings


@pytest.fixture
def settings() -> Iterator[Settings]:
    with fast_home() as home:
        yield tiny_settings(home)


@pytest.fixture
def ledger(settings: Settings) -> Iterator[Ledger]:
    with Ledger.open(settings) as opened:
        yield opened

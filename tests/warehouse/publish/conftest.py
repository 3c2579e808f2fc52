"""A home of its own for every test, and the tiny build file in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.warehouse.publish.tiny_build import tiny_settings
from warehouse.ledger import Ledger
from warehouse.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return tiny_settings(tmp_path)


@pytest.fixture
def ledger(settings: Settings) -> Iterator[Ledger]:
    with Ledger.open(settings) as opened:
        yield opened

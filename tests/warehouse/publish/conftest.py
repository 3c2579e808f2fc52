"""A home of its own for every test, and the tiny build file in it."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from warehouse.ledger import Ledger
from warehouse.settings import Settings

# The maker of the build file is also run as a program, so it lives in a module of its own.
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    from tiny_build import tiny_settings

    return tiny_settings(tmp_path)


@pytest.fixture
def ledger(settings: Settings) -> Iterator[Ledger]:
    with Ledger.open(settings) as opened:
        yield opened

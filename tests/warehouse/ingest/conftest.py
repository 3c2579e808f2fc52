"""A shop of its own for every test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.warehouse.ingest.shop import Shop


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    trial = Shop(tmp_path)
    yield trial
    trial.ledger.close()

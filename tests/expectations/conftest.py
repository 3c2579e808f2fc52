"""One clean shop per session, one copy of it per test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.expectations.clean_shop import Shop, make_clean_shop


@pytest.fixture(scope="session")
def clean_shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clean_shop(tmp_path_factory.mktemp("clean"))


@pytest.fixture
def shop(clean_shop: Path, tmp_path: Path) -> Iterator[Shop]:
    one = Shop(clean_shop, tmp_path / "home")
    yield one
    one.ledger.close()

"""One home per test, with its ledger open and a run of the day begun."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from tests.campaigns.lists.makers import DAY, NOW, settings_of
from tests.warehouse.conftest import postgres_server  # noqa: F401  the server of the session
from warehouse.ledger import Ledger, Run
from warehouse.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_of(tmp_path)


@pytest.fixture
def ledger(settings: Settings) -> Iterator[Ledger]:
    def clock() -> datetime:
        return NOW

    with Ledger(settings.ledger_url, clock) as opened:
        yield opened


@pytest.fixture
def run(ledger: Ledger) -> Run:
    return ledger.begin_run("campaigns", "shop", DAY)

"""An office: a ledger with a clock that the test moves, and receivers that really answer."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from tests.warehouse.notices.office import Clock, Office
from tests.warehouse.notices.receivers import mail_receiver, web_receiver
from warehouse import alarms
from warehouse.ledger import Ledger
from warehouse.settings import Settings


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    monkeypatch.setattr(alarms, "PAUSES_SECONDS", ())
    monkeypatch.setattr(alarms, "TIMEOUT_SECONDS", 5.0)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    clock = Clock()
    settings = Settings(
        tmp_path, "tiny_shop", f"sqlite:///{tmp_path / 'ledger' / 'ledger.db'}", memory_limit="512MB"
    )
    with Ledger.open(settings, clock) as ledger, mail_receiver() as (mail, url), web_receiver() as web:
        run = ledger.begin_run("refresh", settings.source, date(2026, 6, 30))
        yield Office(settings, ledger, run, web, mail, url, clock)

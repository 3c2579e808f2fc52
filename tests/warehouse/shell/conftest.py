"""A published home of a few rows, made once: the shell writes nothing into it."""

from collections.abc import Iterator

import pytest

from tests.warehouse.publish.tiny_build import begin_and_build, fast_home, tiny_settings
from warehouse.ledger import Ledger
from warehouse.publish import publish
from warehouse.settings import Settings
from warehouse.shell import Limits, Session, open_session


@pytest.fixture(scope="module")
def published() -> Iterator[Settings]:
    with fast_home() as home:
        settings = tiny_settings(home)
        with Ledger.open(settings) as ledger:
            publish(settings, ledger, begin_and_build(settings, ledger))
        yield settings


@pytest.fixture
def session(published: Settings) -> Iterator[Session]:
    with open_session(published, Limits(seconds=1.0, rows=3)) as opened:
        yield opened

"""A tiny home whose first day is built and published, for who refreshes it or must not."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from tests.warehouse.publish.tiny_build import FIRST_DAY, begin_and_build, fast_home, tiny_settings
from warehouse.ledger import Ledger
from warehouse.publish import publish
from warehouse.settings import Settings

DAY_AFTER = FIRST_DAY + timedelta(days=1)


@contextmanager
def empty_home() -> Iterator[tuple[Settings, Ledger]]:
    with fast_home() as home:
        settings = tiny_settings(home)
        with Ledger.open(settings) as ledger:
            yield settings, ledger


def publish_day(settings: Settings, ledger: Ledger, day_number: int = 0) -> None:
    """Build a day's features, score it and publish it, as the ledger sees it."""
    run = begin_and_build(settings, ledger, day_number)
    features = ledger.begin_run("features", settings.source, run.as_of_date)
    ledger.record_built_day(features)
    ledger.finish_run(features)
    publish(settings, ledger, run)
    ledger.finish_run(run)

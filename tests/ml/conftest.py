"""One trained model, and one trained shop, for the tests that only look at them."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pytest

from ml.entry import score_day, train_model
from ml.training import TrainingOutcome, snapshots_to_build
from tests.ml.makers import AS_OF, FIRST_DAY, HORIZON, TRAINED_AS_OF, make_build
from tests.ml.quick import learn_quickly
from tests.ml.shops import few_definitions, open_shop, settings_of
from warehouse.ledger import Ledger


@pytest.fixture(scope="session")
def outcome() -> TrainingOutcome:
    return learn_quickly()


@pytest.fixture
def build() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect()
    make_build(connection, [*snapshots_to_build(TRAINED_AS_OF, HORIZON, FIRST_DAY), AS_OF])
    yield connection
    connection.close()


@pytest.fixture(scope="session")
def trained_once(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A shop that was trained for every definition and scored; tests take copies."""
    folder = tmp_path_factory.mktemp("trained")
    lines: list[str] = []
    with few_definitions(folder / "dbt_project") as kept:
        settings = open_shop(folder / "home")
        with Ledger.open(settings) as ledger:
            version = train_model(settings, ledger, TRAINED_AS_OF, lines.append)
            run = ledger.begin_run("score", settings.source, AS_OF)
            scored = score_day(settings, ledger, run, AS_OF)
    return SimpleNamespace(home=settings.home, version=version, scored=scored, kept=kept, lines=lines)


@pytest.fixture(scope="session")
def opened_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop whose features and labels are built and that was never trained; tests take copies."""
    folder = tmp_path_factory.mktemp("opened")
    with few_definitions(folder / "dbt_project"):
        return open_shop(folder / "home").home


@pytest.fixture
def trained(tmp_path: Path, trained_once: SimpleNamespace) -> Iterator[SimpleNamespace]:
    """A copy of the trained shop, with its settings and open ledger."""
    yield from _copied(tmp_path, trained_once.home, version=trained_once.version)


@pytest.fixture
def untrained(tmp_path: Path, opened_once: Path) -> Iterator[SimpleNamespace]:
    """A copy of the shop that was never trained, with its settings and open ledger."""
    yield from _copied(tmp_path, opened_once)


def _copied(folder: Path, home: Path, **more: object) -> Iterator[SimpleNamespace]:
    shutil.copytree(home, folder / "home")
    settings = settings_of(folder / "home")
    with few_definitions(folder / "dbt_project") as kept, Ledger.open(settings) as ledger:
        yield SimpleNamespace(settings=settings, ledger=ledger, kept=kept, **more)

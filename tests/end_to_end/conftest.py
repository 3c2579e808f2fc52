"""Homes of a small shop, made once per session; tests take copies."""

from pathlib import Path

import pytest

from tests.end_to_end.homes import FIRST, LAST, copy_of, made_once, simulate
from tests.end_to_end.line import workshop


@pytest.fixture(scope="session")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home into which a small shop has delivered; nothing is ingested."""
    return made_once(tmp_path_factory.getbasetemp(), "landed", simulate)


@pytest.fixture(scope="session")
def first_day(tmp_path_factory: pytest.TempPathFactory, landed: Path) -> Path:
    """A home whose FIRST day went down the line undisturbed, model and all."""

    def make(home: Path) -> None:
        workshop().run(copy_of(landed, home), FIRST)

    return made_once(tmp_path_factory.getbasetemp(), "first_day", make)


@pytest.fixture(scope="session")
def last_day(tmp_path_factory: pytest.TempPathFactory, first_day: Path) -> Path:
    """The same home after its LAST day went down the line, too."""

    def make(home: Path) -> None:
        workshop().run(copy_of(first_day, home), LAST)

    return made_once(tmp_path_factory.getbasetemp(), "last_day", make)

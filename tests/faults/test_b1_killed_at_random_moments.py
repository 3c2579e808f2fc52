"""B1: every stage of the line is killed at random moments and tried again; the day ends as if undisturbed.

HOLDFAST_KILLS_PER_STAGE says how often each stage is killed before it is let through.
"""

import os
import random
from pathlib import Path

import pytest

from tests.end_to_end.homes import FIRST, copy_of, current, digest, settings_of
from tests.end_to_end.line import seconds_of, workshop
from tests.end_to_end.stages import STAGES
from warehouse.ledger import Ledger
from warehouse.publish import check, verify_snapshot
from warehouse.settings import Settings

KILLS_PER_STAGE = int(os.environ.get("HOLDFAST_KILLS_PER_STAGE", "1"))
SEED = 20260318


@pytest.fixture(scope="module")
def disturbed(tmp_path_factory: pytest.TempPathFactory, landed: Path, first_day: Path) -> Path:
    chance = random.Random(SEED)  # noqa: S311  no secret depends on it
    home = copy_of(landed, tmp_path_factory.mktemp("disturbed"))
    usual = seconds_of(first_day)
    for stage in STAGES:
        for _ in range(KILLS_PER_STAGE):
            workshop().kill_midway(home, FIRST, stage, chance.uniform(0.02, usual[stage]))
            _readers_see_all_or_nothing(settings_of(home))
        workshop().run(home, FIRST, [stage])
    return home


def _readers_see_all_or_nothing(settings: Settings) -> None:
    for folder in settings.published.glob("snapshots/[!.]*"):
        verify_snapshot(folder)
    if (settings.published / "current").exists():
        check(settings)


def test_b1_the_day_ends_as_if_undisturbed(disturbed: Path, first_day: Path) -> None:
    assert digest(current(disturbed)) == digest(current(first_day))


def test_b1_there_is_exactly_one_publish_and_one_move_of_the_pointer(disturbed: Path) -> None:
    settings = settings_of(disturbed)
    with Ledger.open(settings) as ledger:
        (record,) = ledger.publishes()
        assert (record.state, record.as_of_date) == ("done", FIRST)
        assert ledger.pointer_history() == (("publish", record.run_id),)
    assert [path.name for path in (settings.published / "snapshots").iterdir()] == [record.run_id]
    assert check(settings).run_id == record.run_id

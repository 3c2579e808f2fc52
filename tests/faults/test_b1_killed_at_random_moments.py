"""B1: every stage of the line is killed at random moments and tried again; the day ends as if undisturbed.

HOLDFAST_KILLS_PER_STAGE says how often each stage is killed before it is let through.
"""

import os
import random
import signal
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.end_to_end.homes import FIRST, copy_of, current, digest, settings_of
from tests.end_to_end.line import STAGES, seconds_of, workshop
from warehouse.ledger import Ledger
from warehouse.publish import check, verify_snapshot
from warehouse.settings import Settings

KILLS_PER_STAGE = int(os.environ.get("HOLDFAST_KILLS_PER_STAGE", "1"))
SEED = 20260318


@dataclass
class Disturbed:
    """A home whose day was killed again and again, and how often a kill hit a running stage."""

    home: Path
    hits: dict[str, int] = field(default_factory=dict)


@pytest.fixture(scope="module")
def disturbed(tmp_path_factory: pytest.TempPathFactory, landed: Path, first_day: Path) -> Disturbed:
    chance = random.Random(SEED)  # noqa: S311  no secret depends on it
    home = copy_of(landed, tmp_path_factory.mktemp("disturbed"))
    usual = seconds_of(first_day)
    killed = Disturbed(home)
    for stage in STAGES:
        latest, hits = usual[stage], 0
        while hits < KILLS_PER_STAGE:
            ending = workshop().kill_after(home, FIRST, stage, chance.uniform(0.02, latest))
            assert ending in (0, -signal.SIGKILL), (home / "line.log").read_text()[-4000:]
            _readers_see_all_or_nothing(settings_of(home))
            hits += ending == -signal.SIGKILL
            # a stage that was done before the kill has shown that the machine is faster now
            latest = latest if ending else max(latest / 2, 0.02)
        workshop().run(home, FIRST, [stage])
        killed.hits[stage] = hits
    return killed


def _readers_see_all_or_nothing(settings: Settings) -> None:
    for folder in settings.published.glob("snapshots/[!.]*"):
        verify_snapshot(folder)
    if (settings.published / "current").exists():
        check(settings)


def test_b1_the_kills_hit_running_stages(disturbed: Disturbed) -> None:
    assert disturbed.hits == dict.fromkeys(STAGES, KILLS_PER_STAGE)


def test_b1_the_day_ends_as_if_undisturbed(disturbed: Disturbed, first_day: Path) -> None:
    assert digest(current(disturbed.home)) == digest(current(first_day))


def test_b1_there_is_exactly_one_publish_and_one_move_of_the_pointer(disturbed: Disturbed) -> None:
    settings = settings_of(disturbed.home)
    with Ledger.open(settings) as ledger:
        (record,) = ledger.publishes()
        assert (record.state, record.as_of_date) == ("done", FIRST)
        assert ledger.pointer_history() == (("publish", record.run_id),)
    assert [path.name for path in (settings.published / "snapshots").iterdir()] == [record.run_id]
    assert check(settings).run_id == record.run_id

"""B2, B9: a publish that is killed anywhere converges to one record and one whole snapshot."""

import shutil
import signal
import time

import pytest

from tests.faults.publishing import (
    Scene,
    assert_converged,
    assert_served_whole,
    delays,
    killed_after,
    killed_at_change,
)
from tests.warehouse.publish.tiny_build import fast_home
from warehouse.ledger import Ledger
from warehouse.publish import check, recover_publishes


@pytest.fixture(scope="module")
def scene():
    with fast_home() as home:
        yield Scene(home)


def test_b2_killed_before_every_single_change_to_the_disk(scene: Scene) -> None:
    deaths = 0
    while True:
        settings = scene.take()
        code = killed_at_change(lambda: scene.publish_new(settings), deaths + 1)  # noqa: B023
        assert_served_whole(settings, scene.old, scene.new)
        if code == 0:
            break
        assert code == -signal.SIGKILL
        deaths += 1
        scene.publish_new(settings)
        assert_converged(settings, scene.old, scene.new)
        shutil.rmtree(settings.home)
    assert deaths > 15, "the sweep must have met the boundaries"


def test_b2_killed_at_random_moments_and_recovered_without_the_run(scene: Scene) -> None:
    started = time.monotonic()
    scene.publish_new(scene.take())
    usual = time.monotonic() - started
    killed = 0
    for delay in delays(15, usual):
        settings = scene.take()
        killed += killed_after(lambda: scene.publish_new(settings), delay) == -signal.SIGKILL  # noqa: B023
        assert_served_whole(settings, scene.old, scene.new)
        with Ledger.open(settings) as ledger:
            recover_publishes(settings, ledger)
            current = ledger.current_publish()
            assert current is not None
            assert current.run_id == check(settings).run_id
            assert ledger.publishes(state="prepared") == ()
        scene.publish_new(settings)
        assert_converged(settings, scene.old, scene.new)
        shutil.rmtree(settings.home)
    assert killed > 3, "the delays must have met the publish"

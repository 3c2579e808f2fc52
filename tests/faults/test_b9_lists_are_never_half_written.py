"""B9: whoever polls the folder finds a list complete, with its manifest, or not at all."""

import os
import signal
import time

from tests.faults.publishing import Scene, delays, ended, in_a_child, killed_after
from tests.warehouse.publish.tiny_build import fast_home
from warehouse.errors import DamagedFile
from warehouse.publish import read_manifest, verify_snapshot
from warehouse.settings import Settings


def _poll(settings: Settings) -> None:
    """Look again and again, as a marketing tool does, until told to stop; any prefix is an error."""
    looked = 0
    stop = settings.home / "stop"
    while not stop.exists():
        for folder in (settings.published / "snapshots").glob("[!.]*"):
            verify_snapshot(folder)
            lines = (folder / "at_risk_users.csv").read_bytes().split(b"\r\n")
            assert len(lines) == 3 + 2
            looked += 1
        verify_snapshot((settings.published / "current").resolve())
    assert looked > 3


def test_b9_a_reader_that_polls_sees_only_whole_lists_while_writers_are_killed() -> None:
    with fast_home() as home:
        scene = Scene(home)
        settings = scene.take()
        reader = in_a_child(lambda: _poll(settings))
        try:
            for delay in delays(12, 0.15):
                killed_after(lambda: scene.publish_new(settings), delay)
            scene.publish_new(settings)
            time.sleep(0.1)
        finally:
            (settings.home / "stop").touch()
            code = ended(reader)
        assert code == 0
        assert read_manifest((settings.published / "current").resolve()).run_id == scene.new.run_id


def test_b9_the_poller_would_notice_a_prefix() -> None:
    with fast_home() as home:
        scene = Scene(home)
        settings = scene.take()
        path = (settings.published / "current").resolve() / "at_risk_users.csv"
        path.chmod(0o600)
        path.write_bytes(path.read_bytes()[:40])
        process = in_a_child(lambda: _poll(settings))
        try:
            deadline = time.monotonic() + 10
            while time.monotonic() < deadline:
                done, status = os.waitpid(process, os.WNOHANG)
                if done:
                    break
                time.sleep(0.02)
            else:
                os.kill(process, signal.SIGKILL)
                raise AssertionError("the poller noticed nothing")
        finally:
            (settings.home / "stop").touch()
        assert os.waitstatus_to_exitcode(status) == 1
        try:
            verify_snapshot(path.parent)
        except DamagedFile:
            return
        raise AssertionError("the manifest must disagree")

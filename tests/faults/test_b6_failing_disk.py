"""B6: a disk that fails once fails the task; nothing is recorded that did not reach the disk."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.publishing import Scene, assert_converged, assert_served_whole
from tests.warehouse.publish.tiny_build import fast_home
from warehouse.errors import HoldfastError

PROGRAM = Path(__file__).parents[1] / "warehouse" / "publish" / "tiny_build.py"


@pytest.fixture(scope="module")
def scene():
    with fast_home() as home:
        yield Scene(home)


def test_b6_every_fsync_of_a_publish_may_fail_once(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.fsync
    failures = 0
    while True:
        settings = scene.take()
        calls = 0

        def fail_once(descriptor: int, at: int = failures + 1) -> None:
            nonlocal calls
            calls += 1
            if calls == at:
                raise OSError(errno.EIO, "Input/output error")
            real(descriptor)

        monkeypatch.setattr(os, "fsync", fail_once)
        try:
            scene.publish_new(settings)
        except HoldfastError as error:
            assert "Input/output error" in str(error)
        else:
            break
        finally:
            monkeypatch.setattr(os, "fsync", real)
        failures += 1
        assert_served_whole(settings, scene.old, scene.new)
        assert not list((settings.published / "snapshots").glob(".*"))
        scene.publish_new(settings)
        assert_converged(settings, scene.old, scene.new)
        shutil.rmtree(settings.home)
    assert failures == 8, "five files, two folders, and the pointer's folder"


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.parametrize("at", [1, 2, 4, 7])
def test_b6_an_fsync_inside_sqlite_or_duckdb_may_fail(scene: Scene, at: int) -> None:
    settings = scene.take()
    command = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync"]
    command += ["-e", f"inject=fsync,fdatasync:error=EIO:when={at}", sys.executable, str(PROGRAM)]
    failed = subprocess.run(
        [*command, str(settings.home), scene.new.run_id],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": str(PROGRAM.parents[3])},
    )
    if "PTRACE" in failed.stderr or "ptrace" in failed.stderr:
        pytest.skip(f"strace may not trace here: {failed.stderr.strip()}")
    assert failed.returncode == 1, failed.stderr
    assert "HoldfastError" in failed.stderr or "LedgerError" in failed.stderr
    assert_served_whole(settings, scene.old, scene.new)
    scene.publish_new(settings)
    assert_converged(settings, scene.old, scene.new)

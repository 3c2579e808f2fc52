"""B7: a full disk fails the publish cleanly; the old list stays and the next try works."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.publishing import Scene, assert_converged
from warehouse.settings import REPOSITORY

# Runs in a namespace of its own, where it may mount a small disk.
ON_A_SMALL_DISK = """
import subprocess, sys
from pathlib import Path
from tests.warehouse.publish.tiny_build import tiny_settings
from warehouse.errors import HoldfastError
from warehouse.ledger import Ledger
from warehouse.publish import check, publish

home, old, new = sys.argv[1:]
settings = tiny_settings(Path(home))
kept = Path(home) / "kept"
settings.published.rename(kept)
settings.published.mkdir()
# room for the old snapshot and half of a new one
room = sum(path.stat().st_blocks * 512 for path in kept.rglob("*") if not path.is_symlink()) * 3 // 2
subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={room}", "tmpfs", settings.published], check=True)
subprocess.run(["cp", "-a", f"{kept}/.", settings.published], check=True)
with Ledger.open(settings) as ledger:
    try:
        publish(settings, ledger, ledger.run(new))
    except HoldfastError as error:
        print("failed:", error)
    assert check(settings).run_id == old
    assert [path.name for path in (settings.published / "snapshots").iterdir()] == [old]
    subprocess.run(["mount", "-o", "remount,size=30m", settings.published], check=True)
    assert publish(settings, ledger, ledger.run(new)).pointer_moved
subprocess.run(["rm", "-rf", kept], check=True)
kept.mkdir()
subprocess.run(["cp", "-a", f"{settings.published}/.", kept], check=True)
subprocess.run(["umount", settings.published], check=True)
settings.published.rmdir()
kept.rename(settings.published)
"""


def test_b7_a_full_disk_leaves_the_old_list_and_no_leftovers(tmp_path: Path) -> None:
    allowed = shutil.which("unshare") and subprocess.run(
        ["unshare", "-Urm", "true"], capture_output=True, check=False
    )
    if not allowed or allowed.returncode:
        pytest.skip("this machine gives nobody a namespace to mount a small disk in (unshare -Urm)")
    scene = Scene(tmp_path)
    settings = scene.take()
    arguments = [str(settings.home), scene.old.run_id, scene.new.run_id]
    done = subprocess.run(
        ["unshare", "-Urm", sys.executable, "-c", ON_A_SMALL_DISK, *arguments],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "readers keep what they have" in done.stdout
    assert_converged(settings, scene.old, scene.new)

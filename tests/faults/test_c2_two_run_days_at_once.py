"""C2: two runs of one home at once, started from the command line; one wins, the other says so and leaves."""

import os
import subprocess
import sys
import time
from pathlib import Path

from dags.wiring.one_at_a_time import only_one
from tests.faults.publishing import ended, in_a_child
from warehouse.errors import Busy

ROUNDS = 20
TRY_AGAIN = 75


def _hold_for_a_moment(home: Path, start_at: float) -> None:
    """Take the lock and leave a file that the other one must not find, or step back."""
    while time.monotonic() < start_at:
        time.sleep(0.001)
    try:
        with only_one(home):
            (home / "working").touch(exist_ok=False)
            time.sleep(0.05)
            (home / "working").unlink()
            (home / "wins").open("a").write("x")
    except Busy as busy:
        assert "already running" in str(busy)
        (home / "losses").open("a").write("x")


def test_c2_twenty_times_one_of_two_wins_and_the_other_steps_back(tmp_path: Path) -> None:
    for _ in range(ROUNDS):
        start_at = time.monotonic() + 0.05
        both = [in_a_child(lambda: _hold_for_a_moment(tmp_path, start_at)) for _ in range(2)]  # noqa: B023
        assert [ended(process) for process in both] == [0, 0]
    wins, losses = ((tmp_path / name).read_text() for name in ("wins", "losses"))
    assert len(wins) + len(losses) == 2 * ROUNDS
    # A late starter may find the lock free again; it then does the work a second time.
    assert len(wins) >= ROUNDS
    assert len(losses) >= ROUNDS // 2


def test_c2_a_second_run_day_leaves_with_the_code_for_later(tmp_path: Path) -> None:
    environment = os.environ | {"HOLDFAST_HOME": str(tmp_path), "HOLDFAST_SOURCE": "sample_shop"}
    with only_one(tmp_path):
        second = subprocess.run(
            [sys.executable, "-m", "dags.run_day", "--as-of", "2026-06-30"],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert second.returncode == TRY_AGAIN
    assert "already running" in second.stderr
    assert f"process {os.getpid()}" in second.stderr
    assert not (tmp_path / "airflow").exists()


def test_c2_the_lock_goes_with_a_process_that_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from dags.wiring.one_at_a_time import only_one\n"
        "with only_one(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    holder.kill()
    holder.wait()
    holder.stdout.close()
    with only_one(tmp_path):
        assert (tmp_path / "run.lock").read_text() == f"process {os.getpid()}"

"""Run one stage as a process of its own and see what it cost."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cost:
    """What one stage took.

    Attributes
    ----------
    stage : str
        Its name.
    seconds : float
        Wall-clock seconds.
    cpu_seconds : float
        User and system seconds of the process and its children.
    peak_gigabytes : float
        Largest resident memory of the process or one of its children.
    written_gigabytes : float
        By how much the folder it writes to grew.
    """

    stage: str
    seconds: float
    cpu_seconds: float
    peak_gigabytes: float
    written_gigabytes: float

    def __str__(self) -> str:
        return (
            f"{self.stage:<34} {self.seconds:>8.1f} s {self.cpu_seconds:>8.1f} CPU-s "
            f"{self.peak_gigabytes:>6.2f} GB peak {self.written_gigabytes:>7.3f} GB written"
        )


def run_stage(stage: str, command: Sequence[str], *, environment: Mapping[str, str], writes_to: Path) -> Cost:
    """Run `command`, wait for it, and return its cost.

    Raises
    ------
    RuntimeError
        If the command fails; the message holds the end of what it printed.
    """
    before = folder_bytes(writes_to)
    log = writes_to / "benchmark.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, env={**os.environ, **environment}, stdout=output, stderr=subprocess.STDOUT
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{stage} failed ({process.returncode}):\n{log.read_text()[-3000:]}")
    cost = Cost(
        stage=stage,
        seconds=seconds,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        peak_gigabytes=usage.ru_maxrss / 1024**2,
        written_gigabytes=(folder_bytes(writes_to) - before) / 1024**3,
    )
    print(cost, file=sys.stderr, flush=True)
    return cost


def folder_bytes(folder: Path) -> int:
    """Return the bytes of all files below `folder`."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())

"""Run one stage as a process of its own and see what it cost."""

import json
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


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
    told : mapping
        What the stage told of itself as its last line, in JSON; empty if it told nothing.
    """

    stage: str
    seconds: float
    cpu_seconds: float
    peak_gigabytes: float
    written_gigabytes: float
    told: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __str__(self) -> str:
        return (
            f"{self.stage:<34} {self.seconds:>8.1f} s {self.cpu_seconds:>8.1f} CPU-s "
            f"{self.peak_gigabytes:>6.2f} GB peak {self.written_gigabytes:>7.3f} GB written"
        )

    def cells(self) -> list[str]:
        """Return the cost as cells of a table headed by COST_HEAD."""
        work = f"{self.told['work']:,.1f}" if "work" in self.told else ""
        return [
            self.stage,
            f"{self.seconds:,.1f}",
            work,
            f"{self.cpu_seconds:,.1f}",
            f"{self.peak_gigabytes:.2f}",
            f"{self.written_gigabytes * 1024:,.0f}",
        ]


COST_HEAD = ("stage", "seconds", "of these at work", "CPU-s", "peak GiB", "MiB written")


def run_stage(stage: str, command: Sequence[str], *, environment: Mapping[str, str], writes_to: Path) -> Cost:
    """Run `command`, wait for it, and return its cost.

    Raises
    ------
    RuntimeError
        If the command fails; the message holds the end of what it printed.
    """
    writes_to.mkdir(parents=True, exist_ok=True)
    before = folder_bytes(writes_to)
    log = writes_to / "benchmark.log"
    with log.open("wb") as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, env={**os.environ, **environment}, stdout=output, stderr=subprocess.STDOUT
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    lines = log.read_text(encoding="utf-8", errors="replace").rstrip().splitlines()
    if process.returncode != 0:
        raise RuntimeError(f"{stage} failed ({process.returncode}):\n" + "\n".join(lines[-40:]))
    cost = Cost(
        stage=stage,
        seconds=seconds,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        peak_gigabytes=usage.ru_maxrss / 1024**2,
        written_gigabytes=(folder_bytes(writes_to) - before) / 1024**3,
        told=json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {},
    )
    print(cost, file=sys.stderr, flush=True)
    return cost


def in_own_process(
    measure: Callable[Arguments, Result], *arguments: Arguments.args, **named: Arguments.kwargs
) -> Result:
    """Call a function in a new process.

    This process must stay small: Linux counts the memory of the parent at the time of a process's birth
    as that process's peak.
    """
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(measure, *arguments, **named).result()


def folder_bytes(folder: Path) -> int:
    """Return the bytes of all files below `folder`."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())

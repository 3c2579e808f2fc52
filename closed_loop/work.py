"""Long work in processes of its own: what they tell, how they end, and an end to their time."""

import multiprocessing
import os
import queue
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from warehouse.errors import HoldfastError

SECONDS_BETWEEN_LOOKS = 0.5
LINES_TOLD = 12
SPAWN = multiprocessing.get_context("spawn")


@dataclass(frozen=True)
class Job:
    """Something to do in a process of its own.

    Attributes
    ----------
    name : str
        What it is called in the progress and in the log's name.
    steps : int
        How many steps it tells of.
    work : callable
        A function of a module; gets ``tell(step, what)``, then the arguments. It keeps its result in files.
    arguments : tuple
        What it is called with.
    """

    name: str
    steps: int
    work: Callable[..., Any]
    arguments: tuple[Any, ...]


class Progress:
    """One line on standard error that says how far everything is.

    Parameters
    ----------
    steps : int
        All steps of all jobs.
    """

    def __init__(self, steps: int) -> None:
        self._steps, self._began = steps, time.monotonic()
        self._done: dict[str, int] = {}
        self._is_terminal = sys.stderr.isatty()

    @property
    def seconds(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._began

    def tell(self, job: str, step: int, what: str) -> None:
        """Say that a job is at a step (from 0)."""
        self._done[job] = max(step, self._done.get(job, 0))
        share = min(1.0, sum(self._done.values()) / max(self._steps, 1))
        bar = "#" * int(share * 30)
        line = f"[{bar:<30}] {share:4.0%} {self.seconds / 60:5.1f} min  {job}: {what}"
        print(
            f"\r\x1b[2K{line}" if self._is_terminal else line,
            end="" if self._is_terminal else "\n",
            file=sys.stderr,
        )
        sys.stderr.flush()

    def close(self) -> None:
        """End the line."""
        if self._is_terminal:
            print(file=sys.stderr)


def run_jobs(jobs: Sequence[Job], logs: Path, progress: Progress, *, minutes: float) -> None:
    """Run jobs side by side until all are done.

    Raises
    ------
    HoldfastError
        If one fails, or if ``minutes`` have passed since the progress began; the others are stopped then.
    """
    logs.mkdir(parents=True, exist_ok=True)
    told: Any = SPAWN.Queue()
    running = {
        job.name: SPAWN.Process(target=_child, args=(job, logs / f"{job.name}.log", told)) for job in jobs
    }
    for process in running.values():
        process.start()
    try:
        while running:
            _drain(told, progress)
            for name, process in list(running.items()):
                if process.exitcode is None:
                    continue
                del running[name]
                if process.exitcode:
                    raise HoldfastError(
                        f"The closed loop's part {name} failed", _end_of(logs / f"{name}.log"), "see its log"
                    )
                progress.tell(name, next(job.steps for job in jobs if job.name == name), "done")
            if progress.seconds > minutes * 60:
                raise HoldfastError(
                    f"The closed loop took longer than {minutes:g} minutes",
                    ", ".join(running),
                    "run it again: it goes on after the last whole round",
                )
            time.sleep(SECONDS_BETWEEN_LOOKS)
    finally:
        for process in running.values():
            process.terminate()
            process.join()


def _drain(told: Any, progress: Progress) -> None:
    while True:
        try:
            progress.tell(*told.get_nowait())
        except queue.Empty:
            return


def _child(job: Job, log: Path, told: Any) -> None:
    """Do a job; what it prints goes to its log."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(descriptor, stream)
    try:
        job.work(lambda step, what: told.put((job.name, step, what)), *job.arguments)
    except BaseException:  # noqa: BLE001  whatever it is, it is told in the log
        traceback.print_exc()
        sys.stderr.flush()
        raise SystemExit(1) from None


def _end_of(log: Path) -> str:
    if not log.exists():
        return "it did not begin"
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-LINES_TOLD:])

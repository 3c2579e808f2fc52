"""Stops a fit that takes too long."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

# A timer of 0 s would never ring.
AT_ONCE = 1e-6


class OverBudget(Exception):
    """The work took longer than it may; it was stopped where it was."""


@contextmanager
def stopped_after(seconds: float) -> Iterator[None]:
    """Stop the work inside after some seconds of wall-clock time.

    It is stopped when Python next takes a step, which scikit-learn's estimators do between trees, epochs and
    iterations. Outside a process's main thread nothing can interrupt; there the work is waited for and its
    result refused. An alarm that somebody set before rings at its own time, or right after the work.

    Raises
    ------
    OverBudget
        If the work took longer.

    Examples
    --------
    >>> with stopped_after(0.01):
    ...     while True:
    ...         pass
    Traceback (most recent call last):
    ...
    ml.budget.OverBudget: stopped after 0.01 s
    """
    message = f"stopped after {seconds:g} s"
    if threading.current_thread() is not threading.main_thread():
        expired = threading.Event()
        timer = threading.Timer(seconds, expired.set)
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
        if expired.is_set():
            raise OverBudget(message)
        return

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise OverBudget(message)

    before = signal.signal(signal.SIGALRM, stop)
    began = time.monotonic()
    outer, _ = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if outer:
            signal.setitimer(signal.ITIMER_REAL, max(outer - (time.monotonic() - began), AT_ONCE))

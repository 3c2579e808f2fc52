"""Interrupting queries that take too long: one thread watches all of them."""

import heapq
import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from serving.problems import Problem


class Deadlines:
    """Interrupts a query when its time is up; the watching thread begins with the first limit."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._numbers = itertools.count()
        self._running: dict[int, duckdb.DuckDBPyConnection] = {}
        self._interrupted: set[int] = set()
        self._due: list[tuple[float, int]] = []
        self._watcher: threading.Thread | None = None

    @contextmanager
    def limit(self, cursor: duckdb.DuckDBPyConnection, seconds: float) -> Iterator[None]:
        """Interrupt what a cursor is doing once so many seconds have passed.

        Raises
        ------
        Problem
            In place of DuckDB's error, if the query was interrupted.
        """
        due = time.monotonic() + seconds
        with self._changed:
            number = next(self._numbers)
            self._running[number] = cursor
            heapq.heappush(self._due, (due, number))
            if self._watcher is None:
                self._watcher = threading.Thread(target=self._watch, name="query-deadlines", daemon=True)
                self._watcher.start()
            elif self._due[0][1] == number:
                self._changed.notify()
        try:
            yield
        except duckdb.InterruptException as error:
            raise _too_long(seconds) from error
        finally:
            with self._changed:
                self._running.pop(number, None)

    def _watch(self) -> None:
        with self._changed:
            while True:
                while self._due and (
                    self._due[0][0] <= time.monotonic() or self._due[0][1] not in self._running
                ):
                    _, number = heapq.heappop(self._due)
                    cursor = self._running.pop(number, None)
                    if cursor is not None:
                        cursor.interrupt()
                self._changed.wait(self._due[0][0] - time.monotonic() if self._due else None)


def _too_long(seconds: float) -> Problem:
    return Problem(
        503,
        "query_took_too_long",
        "The query took longer than a query may.",
        f"It was stopped after {seconds:g} s.",
        "ask for less at once: a smaller page, fewer columns, a narrower filter",
        headers={"Retry-After": "30"},
    )

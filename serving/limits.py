"""How much one key or one address may ask for: requests, parallel streams, wrong keys."""

import math
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from serving.problems import Problem

Monotonic = Callable[[], float]
# whoever is remembered beyond this many is forgotten, oldest first: nobody can fill the memory with addresses
MOST_REMEMBERED = 10_000


@dataclass
class _Bucket:
    tokens: float
    filled_at: float


class RequestRates:
    """A bucket of requests per key, which a minute fills: a minute's worth may come at once, no more.

    Parameters
    ----------
    clock : callable
        Gives monotonic seconds.
    """

    def __init__(self, clock: Monotonic = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, key_id: str, per_minute: int) -> None:
        """Take one request out of a key's bucket.

        Raises
        ------
        Problem
            429 if it is empty, with the seconds until there is one again.
        """
        now = self._clock()
        with self._lock:
            bucket = self._buckets.pop(key_id, None) or _Bucket(per_minute, now)
            bucket.tokens = min(per_minute, bucket.tokens + (now - bucket.filled_at) * per_minute / 60)
            bucket.filled_at = now
            self._buckets[key_id] = bucket
            _forget_oldest(self._buckets)
            if bucket.tokens >= 1:
                bucket.tokens -= 1
                return
            missing = (1 - bucket.tokens) * 60 / per_minute
        raise Problem(
            429,
            "too_many_requests",
            "This key asks more often than it may.",
            f"It may ask {per_minute} times a minute.",
            "wait as long as Retry-After says; pull lists whole or as a delta instead of user by user",
            headers={"Retry-After": str(math.ceil(missing))},
        )


class Streams:
    """Counts the long answers that each key pulls at the moment.

    Parameters
    ----------
    most : int
        How many at once.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._open: Counter[str] = Counter()

    @property
    def open_now(self) -> int:
        """Streams of all keys together."""
        with self._lock:
            return self._open.total()

    @contextmanager
    def stream(self, key_id: str) -> Iterator[None]:
        """Hold one of a key's streams.

        Raises
        ------
        Problem
            429 if all of them are in use.
        """
        with self._lock:
            if self._open[key_id] >= self._most:
                raise Problem(
                    429,
                    "too_many_streams",
                    "This key pulls as many lists at once as it may.",
                    f"It may pull {self._most} at once.",
                    "wait for one of them to end",
                    headers={"Retry-After": "5"},
                )
            self._open[key_id] += 1
        try:
            yield
        finally:
            with self._lock:
                self._open[key_id] -= 1
                if not self._open[key_id]:
                    del self._open[key_id]


class WrongKeys:
    """Counts wrong keys per address, and shuts out an address that goes on trying.

    Parameters
    ----------
    most : int
        Wrong keys within the window after which an address is shut out.
    window_seconds : float
        The window, and how long it is shut out.
    clock : callable
        Gives monotonic seconds.
    """

    def __init__(
        self, most: int = 10, window_seconds: float = 300.0, clock: Monotonic = time.monotonic
    ) -> None:
        self._most = most
        self._window = window_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._tried: OrderedDict[str, list[float]] = OrderedDict()

    def shut_out_for(self, address: str) -> int:
        """Return for how many seconds more an address is shut out; 0 if it is not."""
        now = self._clock()
        with self._lock:
            tried = [at for at in self._tried.get(address, ()) if now - at < self._window]
            if len(tried) < self._most:
                return 0
            return math.ceil(self._window - (now - tried[-self._most]))

    def note(self, address: str) -> None:
        """Count a wrong key."""
        now = self._clock()
        with self._lock:
            tried = [at for at in self._tried.pop(address, ()) if now - at < self._window]
            self._tried[address] = [*tried, now][-self._most :]
            _forget_oldest(self._tried)


def _forget_oldest(
    remembered: OrderedDict[str, object] | OrderedDict[str, _Bucket] | OrderedDict[str, list[float]],
) -> None:
    while len(remembered) > MOST_REMEMBERED:
        remembered.popitem(last=False)

"""A provider on this machine: keeps its own log of what it accepted, by key, and fails as it is told."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.campaigns.channels.receivers import Answer, Got, Receiver, receiver

ACCEPTED = Answer(200, b'{"status": "accepted"}')
DROPPED = Answer(0)


class Provider:
    """Accepts a message once per key, as a real one does, whatever its answer becomes.

    Attributes
    ----------
    requests : Counter
        Requests by key.
    accepted : Counter
        Messages that took effect by key: what a user gets.
    payloads : dict
        What was first accepted under a key.
    fault : callable
        Takes the request and how often its key was seen before; returns an answer to give instead, and
        whether the message was accepted all the same. None for none.
    """

    def __init__(self, served: Receiver) -> None:
        self.served = served
        self.requests: Counter[str] = Counter()
        self.accepted: Counter[str] = Counter()
        self.payloads: dict[str, bytes] = {}
        self.fault: Callable[[Got, int], tuple[Answer, bool] | None] = lambda _got, _before: None
        self._lock = threading.Lock()
        served.answer = self._answer

    @property
    def url(self) -> str:
        return self.served.url

    def _answer(self, got: Got) -> Answer:
        key = got.headers["webhook-id"]
        if len(got.body) < int(got.headers["Content-Length"]):
            return DROPPED  # whoever sent it was killed in the middle: half a request has no effect
        with self._lock:
            before = self.requests[key]
            self.requests[key] += 1
            fault = self.fault(got, before)
            if (fault is None or fault[1]) and not self.accepted[key]:
                self.accepted[key] += 1
                self.payloads[key] = got.body
        return ACCEPTED if fault is None else fault[0]


@contextmanager
def provider() -> Iterator[Provider]:
    """Serve until the block ends."""
    with receiver() as served:
        yield Provider(served)

"""Posting JSON to a receiver: one pool of connections, many requests at once, and what each answer means.

The meaning is the same for every receiver, and never a guess:

- not sent at all (no connection, no time left): `try_later`;
- sent, and no whole answer came back: `unknown`. Only the same key makes another try safe;
- 2xx: what the body says (see `campaigns.channels.answers`);
- 408, 409, 425, 429 and 5xx: `try_later`, as late as ``Retry-After`` asks;
- 401, 403 and 407: `try_later` too: our credentials are wrong, not the message;
- any other answer: `rejected`.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Self

import httpx

from campaigns.channels.channel import Outcome
from campaigns.channels.settings import CONNECTIONS, tls_context
from warehouse.ledger import Clock, utc_now

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 10.0
#: What is not begun by then is left for later, so that a batch ends while whoever claimed it still holds it.
BATCH_SECONDS = 60.0
#: More than this of an answer is not read.
MOST_ANSWER_BYTES = 1_000_000
TRY_LATER_CODES = (401, 403, 407, 408, 409, 425, 429)
OUR_CREDENTIALS = (401, 403, 407)
LONGEST_RETRY_AFTER = 86_400.0


@dataclass(frozen=True)
class Request:
    """One POST: a body and the headers of its own."""

    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class Answer:
    """What came back: a 2xx body, or the outcome that follows without one."""

    outcome: Outcome | None
    status_code: int | None = None
    body: bytes = b""


class Poster:
    """Posts to one address; keeps its connections between batches.

    Parameters
    ----------
    url : str
        Where to. May hold a secret: it is never logged and stands in no outcome.
    headers : mapping
        Headers of every request.
    clock : callable
        The current moment, to which a ``Retry-After`` date is compared.
    connections : int
        Requests under way at once.
    answer_seconds : float
        How long to wait for an answer, from its request on.
    """

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        *,
        clock: Clock = utc_now,
        connections: int = CONNECTIONS,
        connect_seconds: float = CONNECT_SECONDS,
        answer_seconds: float = ANSWER_SECONDS,
        batch_seconds: float = BATCH_SECONDS,
    ) -> None:
        self._url = httpx.URL(url)
        self._headers = {"Content-Type": "application/json", "User-Agent": "holdfast", **headers}
        self._clock = clock
        self._connections = connections
        self._answer_seconds = answer_seconds
        self._batch_seconds = batch_seconds
        timeout = httpx.Timeout(answer_seconds, connect=connect_seconds, pool=None)
        self._extensions = {"timeout": timeout.as_dict()}
        self._client = httpx.Client(
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
            verify=tls_context(),
        )
        # these two write addresses and headers of requests into logs
        for name in ("httpx", "httpcore"):
            logging.getLogger(name).setLevel(logging.WARNING)

    def close(self) -> None:
        """Let go of every connection."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def post(self, requests: Sequence[Request]) -> list[Answer]:
        """Post every request; one answer each, in order."""
        ends = time.monotonic() + self._batch_seconds
        if len(requests) == 1:
            return [self._post(requests[0], ends)]
        with ThreadPoolExecutor(max_workers=self._connections) as pool:
            return list(pool.map(lambda request: self._post(request, ends), requests))

    def _prepared(self, request: Request) -> httpx.Request:
        # made directly, and not by the client: no cookie of an earlier answer goes along, and it costs half
        return httpx.Request(
            "POST",
            self._url,
            headers={**self._headers, **request.headers},
            content=request.body,
            extensions=self._extensions,
        )

    def _post(self, request: Request, ends: float) -> Answer:
        if time.monotonic() >= ends:
            return Answer(Outcome("try_later", detail="not tried: no time was left in this batch"))
        deadline = time.monotonic() + self._answer_seconds
        try:
            response = self._client.send(self._prepared(request), stream=True)
            with closing(response):
                body = _read(response, deadline)
        except (
            httpx.ConnectError,
            httpx.ConnectTimeout,
            httpx.ProxyError,
            httpx.UnsupportedProtocol,
        ) as error:
            return Answer(Outcome("try_later", detail=f"no connection ({type(error).__name__})"))
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, OSError) as error:
            return Answer(Outcome("unknown", detail=f"sent, and no answer came ({type(error).__name__})"))
        code = response.status_code
        if 200 <= code < 300:
            return Answer(None, code, body)
        return Answer(outcome_of_code(code, response.headers.get("Retry-After"), self._clock))


def outcome_of_code(code: int, retry_after: str | None, clock: Callable[[], datetime]) -> Outcome:
    """Return what an answer that is not 2xx means.

    Parameters
    ----------
    code : int
        HTTP status.
    retry_after : str or None
        The header, in seconds or as an HTTP date.
    clock : callable
        The current moment.
    """
    if code in TRY_LATER_CODES or code >= 500:
        detail = f"the receiver answered {code}"
        if code in OUR_CREDENTIALS:
            detail += ": it does not take our credentials"
        seconds = retry_after_seconds(retry_after, clock)
        return Outcome("try_later", status_code=code, detail=detail, retry_after_seconds=seconds)
    return Outcome("rejected", status_code=code, detail=f"the receiver answered {code}")


def retry_after_seconds(header: str | None, clock: Callable[[], datetime]) -> float | None:
    """Return how many seconds a ``Retry-After`` header asks for, at most a day; None if it does not say."""
    text = (header or "").strip()
    if not text:
        return None
    if text.isascii() and text.isdecimal():
        return min(float(text), LONGEST_RETRY_AFTER)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max((moment - clock()).total_seconds(), 0.0), LONGEST_RETRY_AFTER)


def _read(response: httpx.Response, deadline: float) -> bytes:
    """Read a body within the deadline, however slowly it drips."""
    found = bytearray()
    for piece in response.iter_bytes():
        found += piece
        if len(found) > MOST_ANSWER_BYTES or time.monotonic() > deadline:
            raise httpx.ReadTimeout("the answer was too long, or took too long")
    return bytes(found)

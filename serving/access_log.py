"""What goes around every request: the log without keys, the metrics, and what is refused before any route."""

import json
import logging
import time
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import parse_qsl

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.keys import KEY_LIKE
from serving.metrics import Metrics
from serving.problems import Problem

log = logging.getLogger("serving.access")

KEY_NAMES = ("key", "api_key", "apikey", "access_token", "authorization", "bearer")


class AccessLog:
    """Middleware: one line per request with path, status and time; never a query, never a header.

    Parameters
    ----------
    app : ASGI app
        What is wrapped.
    metrics : Metrics
        Counts requests.
    most_body_bytes : int
        A larger request is refused.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, most_body_bytes: int) -> None:
        self.app = app
        self.metrics = metrics
        self.most_body_bytes = most_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            refusal = self._refusal(scope)
            if refusal is not None:
                await refusal.response(scope, receive, noting)
            else:
                await self.app(scope, _bounded(receive, self.most_body_bytes), noting)
        finally:
            seconds = time.perf_counter() - began
            route = getattr(scope.get("route"), "path", "unmatched")
            self.metrics.note(scope["method"], route, status, seconds)
            caller = scope.get("state", {}).get("caller")
            log.info(
                "%s %s %s %.1f ms %s",
                scope["method"],
                json.dumps(KEY_LIKE.sub("[key]", scope["path"]), ensure_ascii=True)[1:-1],
                status,
                seconds * 1000,
                caller.actor if caller is not None else "-",
            )

    def _refusal(self, scope: Scope) -> Problem | None:
        if scope["path"].startswith("/v1") and _carries_key(scope["query_string"]):
            return Problem(
                400,
                "key_in_query",
                "A key does not belong into an address.",
                "Addresses are kept in logs and histories: take this key for known to others.",
                "revoke it with `python -m serving key revoke`, and send the new one as "
                "`Authorization: Bearer <key>`",
            )
        length = _header(scope, b"content-length")
        if length.isdigit() and int(length) > self.most_body_bytes:
            return too_large(self.most_body_bytes)
        return None


def too_large(most: int) -> Problem:
    """Return the problem for a request with too long a body."""
    return Problem(
        413, "too_large", "The request is too large.", f"At most {most} bytes are taken.", "send it in parts"
    )


def _bounded(receive: Receive, most: int) -> Receive:
    """Refuse a body that turns out longer than it may be, whatever its header said."""
    taken = 0

    async def counting() -> MutableMapping[str, Any]:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > most:
            raise too_large(most)
        return message

    return counting


def _carries_key(query: bytes) -> bool:
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    return any(name.lower() in KEY_NAMES or KEY_LIKE.search(value) for name, value in pairs)


def _header(scope: Scope, wanted: bytes) -> bytes:
    found: bytes = next((value for name, value in scope["headers"] if name == wanted), b"")
    return found

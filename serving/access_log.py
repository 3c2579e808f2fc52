"""What goes around every request: the log without keys, the metrics, and what is refused before any route."""

import json
import logging
import time
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.keys import KEY_LIKE
from serving.metrics import Metrics
from serving.problems import Problem, is_api, too_large

log = logging.getLogger("serving.access")

NOSNIFF = (b"x-content-type-options", b"nosniff")
MOST_HEADER_BYTES = 16 * 1024
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
                headers = list(message.get("headers", ()))
                if NOSNIFF[0] not in dict(headers):
                    headers.append(NOSNIFF)
                message["headers"] = headers
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
        size = sum(len(name) + len(value) for name, value in scope["headers"]) + len(scope["query_string"])
        if size > MOST_HEADER_BYTES:
            return Problem(
                431,
                "headers_too_large",
                "Address and headers of the request are too long.",
                f"At most {MOST_HEADER_BYTES} bytes are taken.",
                "send shorter ones; what belongs into a body belongs there",
            )
        if is_api(scope) and _carries_key(scope["query_string"]):
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
            return too_large()
        return None


def _bounded(receive: Receive, most: int) -> Receive:
    """Refuse a body that turns out longer than it may be, whatever its header said."""
    taken = 0

    async def counting() -> MutableMapping[str, Any]:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > most:
            # the framework lets nothing else through from here
            raise HTTPException(413)
        return message

    return counting


def _carries_key(query: bytes) -> bool:
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    return any(name.lower() in KEY_NAMES or KEY_LIKE.search(value) for name, value in pairs)


def _header(scope: Scope, wanted: bytes) -> bytes:
    found: bytes = next((value for name, value in scope["headers"] if name == wanted), b"")
    return found

"""Answers that are sent piece by piece, as fast as the client takes them and no faster."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping

from fastapi.responses import Response
from starlette.types import Receive, Scope, Send

from serving.lists.workers import Workers


class Stream(Response):
    """A streamed answer: one piece is in memory at a time, and everything it holds is let go of at the end.

    Parameters
    ----------
    parts : iterator of bytes
        Made in the threads for lists.
    headers : mapping
        Of the answer.
    media_type : str
        With its charset, if it has one.
    workers : Workers
        Whose threads make the pieces.
    close : callable
        Lets go of snapshot and cursor; called once, also if the client is gone before the first piece.
    slow_client_seconds : float
        A client that does not take a piece in so long is cut off.
    """

    def __init__(
        self,
        parts: Iterator[bytes],
        headers: Mapping[str, str],
        media_type: str,
        *,
        workers: Workers,
        close: Callable[[], None],
        slow_client_seconds: float,
    ) -> None:
        self.status_code = 200
        self.media_type = None
        self.background = None
        self.init_headers({**headers, "Content-Type": media_type})
        self._parts = parts
        self._workers = workers
        self._let_go = close
        self._slow_client_seconds = slow_client_seconds
        # a piece that is still being made when the answer is given up is waited for
        self._making = threading.Lock()

    # the scope is part of the interface, and nothing here needs it
    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer, until the client has it or has gone."""
        gone = asyncio.ensure_future(_disconnected(receive))
        try:
            await self._send(send, gone)
        finally:
            gone.cancel()
            await asyncio.shield(self._workers.for_list(self._close))

    async def _send(self, send: Send, gone: asyncio.Future[None]) -> None:
        # the first piece is made before the status is sent: what fails by then is answered as a problem
        part = await self._workers.for_list(self._next)
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        while part and not gone.done():
            message = {"type": "http.response.body", "body": part, "more_body": True}
            async with asyncio.timeout(self._slow_client_seconds):
                await send(message)
            part = await self._workers.for_list(self._next)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _next(self) -> bytes:
        with self._making:
            return next(self._parts, b"")

    def _close(self) -> None:
        with self._making:
            self._let_go()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass

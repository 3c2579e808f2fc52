"""Running the app: uvicorn, with bounds on what a client may send and on how slowly it may send and take."""

import asyncio
import gc
import logging
import socket
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from serving.access_log import MOST_HEADER_BYTES
from serving.app import create_app
from serving.settings import ServingSettings
from warehouse.errors import SettingsError
from warehouse.ledger import Ledger

log = logging.getLogger(__name__)

# beyond this many at once the server answers 503 instead of falling over
MOST_CONNECTIONS = 256
# what has begun may take so long to finish after SIGTERM
DRAIN_SECONDS = 20
FIRST_PERSON = "python -m serving person add NAME --role admin"


class PatientProtocol(HttpToolsProtocol):
    """HTTP with an end to its patience: whoever does not finish a request, or takes nothing, is cut off."""

    patience_seconds = 30.0
    _head_bytes = 0
    _is_in_head = False
    _is_head_alone = True
    _asking: asyncio.TimerHandle | None = None
    _taking: asyncio.TimerHandle | None = None

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        # uvicorn's own log has queries, and whether it is written hangs on how logging was set up
        self.access_log = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a request, but not for ever."""
        super().connection_made(transport)
        self._asking = self.loop.call_later(self.patience_seconds, self._cut, "did not finish its request")

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timers."""
        self._stop("_asking")
        self._stop("_taking")
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """A request begins with its head."""
        self._is_in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """What follows is its body, which may go on when the answer has left."""
        self._is_in_head = self._is_head_alone = False
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece that brings some of a body may bring the beginning of the next head, too."""
        self._is_head_alone = False
        super().on_body(body)

    def data_received(self, data: bytes) -> None:
        """Measure the time from the first byte of a request to its last, and how long its head is."""
        self._is_head_alone = True
        super().data_received(data)
        cycle = self.cycle
        self._head_bytes = self._head_bytes + len(data) if self._is_in_head and self._is_head_alone else 0
        if self._head_bytes > MOST_HEADER_BYTES and not self.transport.is_closing():
            # what comes in one piece is refused by the app, and says more
            self.send_400_response("The head of the request is too long.")
            return
        if cycle is not None and not cycle.response_complete and not cycle.more_body:
            self._stop("_asking")
        elif self._asking is None and not self.transport.is_closing():
            self._asking = self.loop.call_later(
                self.patience_seconds, self._cut, "did not finish its request"
            )

    def on_response_complete(self) -> None:
        """Leave the time between two requests to the server's own keep-alive."""
        self._stop("_asking")
        super().on_response_complete()

    def pause_writing(self) -> None:
        """The client takes more slowly than it is sent to: wait, but not for ever."""
        super().pause_writing()
        self._stop("_taking")
        self._taking = self.loop.call_later(self.patience_seconds, self._cut, "took nothing of its answer")

    def resume_writing(self) -> None:
        """The client has caught up."""
        self._stop("_taking")
        super().resume_writing()

    def _stop(self, name: str) -> None:
        timer: asyncio.TimerHandle | None = getattr(self, name)
        if timer is not None:
            timer.cancel()
            setattr(self, name, None)

    def _cut(self, why: str) -> None:
        log.warning("a client %s within %g s and was cut off", why, self.patience_seconds)
        # close() would wait for the client to take what is buffered
        self.transport.abort()


def make_server(settings: ServingSettings, **changes: Any) -> uvicorn.Server:
    """Return a server of the app that is not running yet."""
    protocol = type("Protocol", (PatientProtocol,), {"patience_seconds": settings.slow_client_seconds})
    options: dict[str, Any] = {
        "http": protocol,
        "ws": "none",
        # ours writes no query and no header
        "access_log": False,
        "server_header": False,
        # the address of whoever is connected, not what a header says of it: single sign-on rests on that
        "proxy_headers": False,
        "limit_concurrency": MOST_CONNECTIONS,
        "timeout_graceful_shutdown": DRAIN_SECONDS,
        "log_config": None,
    }
    return uvicorn.Server(uvicorn.Config(create_app(settings), **(options | changes)))


def listen(settings: ServingSettings) -> socket.socket:
    """Take the port.

    Raises
    ------
    SettingsError
        If something else has it.
    """
    try:
        return socket.create_server((settings.host, settings.port))
    except OSError as error:
        raise SettingsError(
            f"The port {settings.port} of {settings.host} cannot be had ({error.strerror})",
            settings.port,
            "stop what listens there, or set HOLDFAST_PORT to another",
        ) from error


def serve(settings: ServingSettings) -> None:
    """Serve until SIGTERM or Ctrl-C; answers that have begun are finished first."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    with listen(settings) as listener:
        log.info("serving %s on http://%s:%s", settings.warehouse.published, settings.host, settings.port)
        with Ledger.open(settings.warehouse) as ledger:
            if not any(person.disabled_at is None for person in ledger.people()):
                log.info("nobody may sign in to the dashboard yet: %s", FIRST_PERSON)
        server = make_server(settings)
        # the collector would go through all that the app is made of, and every answer would wait for it
        gc.collect()
        gc.freeze()
        server.run(sockets=[listener])

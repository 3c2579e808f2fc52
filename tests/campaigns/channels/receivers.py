"""A real HTTP receiver on this machine that answers as the test says, and keeps what it got."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Got:
    """One request as it arrived."""

    headers: Mapping[str, str]
    body: bytes

    @property
    def content(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    """What is answered: a status of 0 closes the connection after the request was read.

    `hang_seconds` come before the answer, `drip_seconds` before each byte of its body; `cut` sends a head
    that promises more than what follows.
    """

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)
    hang_seconds: float = 0.0
    drip_seconds: float = 0.0
    cut: bool = False


class Receiver:
    """Answers by a function of the request."""

    def __init__(self) -> None:
        self.got: list[Got] = []
        self.answer: Callable[[Got], Answer] = lambda _: Answer()
        self.connections = 0
        self.let_go = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                receiver.connections += 1
                super().setup()

            def do_POST(self) -> None:
                got = Got(dict(self.headers), self.rfile.read(int(self.headers["Content-Length"])))
                receiver.got.append(got)
                answer = receiver.answer(got)
                receiver.let_go.wait(answer.hang_seconds)
                self.close_connection = answer.cut or answer.status == 0
                if answer.status == 0:
                    return
                self.send_response(answer.status)
                self.send_header("Content-Length", str(len(answer.body) + 1000 * answer.cut))
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                if not answer.drip_seconds:
                    self.wfile.write(answer.body)
                    return
                for byte in answer.body:
                    receiver.let_go.wait(answer.drip_seconds)
                    self.wfile.write(bytes([byte]))

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except ConnectionError:
                    # whoever asked has given up
                    self.close_connection = True

            def log_message(self, format: str, *values: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/messages"


@contextmanager
def receiver() -> Iterator[Receiver]:
    """Serve until the block ends."""
    made = Receiver()
    made.server.daemon_threads = True
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield made
    finally:
        made.let_go.set()
        made.server.shutdown()
        thread.join()
        made.server.server_close()

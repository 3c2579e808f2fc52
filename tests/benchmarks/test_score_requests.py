"""What a load of score requests took is told of every request but those that warm the server up."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import httpx
import pytest

from benchmarks import score_requests


class Door(BaseHTTPRequestHandler):
    """Takes every score request, and keeps what was sent."""

    taken: ClassVar[list[tuple[str, bytes]]] = []
    status = 200

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.taken.append((self.headers["Authorization"], body))
        self.send_response(self.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(score_requests, "WARMING", 2)
    monkeypatch.setattr(Door, "taken", [])
    with ThreadingHTTPServer(("127.0.0.1", 0), Door) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_every_client_sends_its_share_and_warms_up_uncounted(address: str) -> None:
    seconds = score_requests._send(address, "hfk", [b"a", b"b", b"c"], requests=6, clients=2)
    assert len(seconds) == 6
    assert all(second > 0 for second in seconds)
    assert len(Door.taken) == 6 + 2 * 2
    assert {key for key, _ in Door.taken} == {"Bearer hfk"}
    assert {body for _, body in Door.taken} == {b"a", b"b", b"c"}


def test_an_answer_without_a_score_ends_the_measuring(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Door, "status", 503)
    with pytest.raises(httpx.HTTPStatusError, match="503"):
        score_requests._send(address, "hfk", [b"a"], requests=1, clients=1)

"""G6: a caller that wants too much, too often or too slowly is bounded, and the line is not slowed."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, Request

from serving.lists.streams import Stream
from serving.settings import ServingSettings
from tests.serving.served import bearing, new_key, publish_day, running, serving_settings

PATIENCE = 0.7


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> ServingSettings:
    settings = serving_settings(
        tmp_path_factory.mktemp("g6"),
        slow_client_seconds=PATIENCE,
        query_seconds=0.3,
        most_body_bytes=10_000,
    )
    publish_day(settings, 0)
    return settings


@pytest.fixture(scope="module")
def served(settings: ServingSettings) -> Iterator[tuple[httpx.Client, FastAPI]]:
    with running(settings) as (client, app):
        _add_routes(app)
        yield client, app


def _add_routes(app: FastAPI) -> None:
    app.state.ended = threading.Event()

    @app.get("/try/much")
    def much(request: Request) -> Stream:
        state, held = request.app.state, ExitStack()
        held.callback(state.ended.set)
        held.enter_context(state.streams.stream("k"))
        held.enter_context(state.snapshots.reading())
        return Stream(
            (b"x" * 100_000 for _ in range(10_000)),
            {},
            "text/plain",
            workers=state.workers,
            close=held.close,
            slow_client_seconds=PATIENCE,
        )

    @app.get("/try/heavy")
    def heavy(request: Request) -> list[dict[str, object]]:
        with request.app.state.snapshots.reading() as snapshot:
            found: list[dict[str, object]] = snapshot.rows(
                "select sum(a.range * b.range) as s from range(10000000) a, range(10000000) b"
            )
            return found

    @app.post("/try/body")
    def body(sent: dict[str, str]) -> int:
        return len(sent)


def _connect(client: httpx.Client) -> socket.socket:
    line = socket.socket()
    # little room on the way, so that what is not taken is noticed soon
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 10_000)
    line.settimeout(30)
    line.connect((client.base_url.host, client.base_url.port or 0))
    return line


def test_g6_a_key_that_asks_too_often_is_told_when_to_come_back(
    served: tuple[httpx.Client, FastAPI],
) -> None:
    client, app = served
    key = new_key(app.state.ledger, "eager", "runs:read", requests_per_minute=5)
    other = new_key(app.state.ledger, "calm", "runs:read")
    answers = [client.get("/v1/runs", headers=bearing(key)) for _ in range(8)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 3
    assert 0 < int(answers[-1].headers["retry-after"]) <= 12
    assert answers[-1].json()["code"] == "too_many_requests"
    assert client.get("/v1/runs", headers=bearing(other)).status_code == 200


@pytest.mark.parametrize("limit", ["1000000000", "0", "-1", "1e9", "501"])
def test_g6_a_page_has_a_largest_size(served: tuple[httpx.Client, FastAPI], limit: str) -> None:
    client, app = served
    key = new_key(app.state.ledger, f"pages {limit}", "runs:read")
    told = client.get("/v1/runs", params={"limit": limit}, headers=bearing(key))
    assert (told.status_code, told.json()["code"]) == (400, "invalid_request")


def test_g6_a_client_that_takes_nothing_is_cut_off_and_holds_nothing(
    served: tuple[httpx.Client, FastAPI], settings: ServingSettings
) -> None:
    client, app = served
    app.state.ended.clear()
    with _connect(client) as line:
        line.sendall(b"GET /try/much HTTP/1.1\r\nHost: x\r\n\r\n")
        assert line.recv(100).startswith(b"HTTP/1.1 200")
        began = time.monotonic()
        assert publish_day(settings, 1).pointer_moved, "the line goes on meanwhile"
        assert app.state.ended.wait(30), "the stream goes on although nobody takes it"
        assert time.monotonic() - began >= PATIENCE / 2
    deadline = time.monotonic() + 20
    while len(app.state.snapshots.open_run_ids()) > 1 or app.state.streams.open_now:
        assert time.monotonic() < deadline
        client.get("/v1/health")
        time.sleep(0.05)


@pytest.mark.parametrize(
    "half",
    [
        b"",
        b"GET /v1/health HTTP/1.1\r\nHost: ",
        b"POST /try/body HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{",
    ],
    ids=["nothing", "half a header", "half a body"],
)
def test_g6_a_request_that_is_never_finished_is_cut_off(
    served: tuple[httpx.Client, FastAPI], half: bytes
) -> None:
    client, _ = served
    with _connect(client) as line:
        line.sendall(half)
        began = time.monotonic()
        try:
            rest = line.recv(1000)
        except ConnectionResetError:
            rest = b""
        assert rest == b""
        assert time.monotonic() - began >= PATIENCE / 2


def test_g6_a_connection_that_goes_on_asking_is_not_cut(served: tuple[httpx.Client, FastAPI]) -> None:
    client, _ = served
    with _connect(client) as line:
        for _ in range(4):
            line.sendall(b"GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"200 OK" in line.recv(10_000)
            time.sleep(PATIENCE / 2)


def test_g6_a_query_without_end_is_stopped(served: tuple[httpx.Client, FastAPI]) -> None:
    client, _ = served
    told = client.get("/try/heavy")
    assert told.status_code == 503
    assert client.get("/v1/health").status_code == 200


def test_g6_a_body_has_a_largest_size_whatever_its_header_says(
    served: tuple[httpx.Client, FastAPI],
) -> None:
    client, _ = served
    assert client.post("/try/body", json={"a": "b"}).json() == 1
    told = client.post("/try/body", json={"a": "b" * 20_000})
    assert told.status_code == 413
    pieces = iter([b'{"a": "'] + [b"b" * 1_000] * 50 + [b'"}'])
    told = client.post("/try/body", content=pieces, headers={"content-type": "application/json"})
    assert told.status_code == 413
    assert client.get("/v1/health").status_code == 200


def test_g6_the_rest_of_a_body_that_was_refused_is_no_new_request(
    served: tuple[httpx.Client, FastAPI],
) -> None:
    client, _ = served
    # longer than a head may be, and sent when the answer is there
    rest = b"b" * 200_000
    with _connect(client) as connection:
        connection.sendall(b"POST /try/body HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n")
        connection.sendall(b"Content-Length: %d\r\n\r\n" % (len(rest) + 20_000) + b"b" * 20_000)
        assert connection.recv(4_096).startswith(b"HTTP/1.1 413 ")
        for begin in range(0, len(rest), 1_000):
            connection.sendall(rest[begin : begin + 1_000])
        connection.sendall(b"GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(4_096).startswith(b"HTTP/1.1 200 ")


def test_g6_the_end_of_a_body_is_no_part_of_the_head_behind_it(served: tuple[httpx.Client, FastAPI]) -> None:
    client, _ = served
    body = b'{"a": "' + b"b" * 30_000 + b'"}'
    with _connect(client) as connection:
        connection.sendall(b"POST /try/body HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n")
        # in one piece, longer than a head may be, of which only the last line is one
        connection.sendall(b"Content-Length: %d\r\n\r\n" % len(body) + body + b"GET /v1/health HTTP/1.1\r\n")
        assert connection.recv(4_096).startswith(b"HTTP/1.1 413 ")
        connection.sendall(b"Host: x\r\n\r\n")
        assert connection.recv(4_096).startswith(b"HTTP/1.1 200 ")


def test_g6_many_pulls_at_once_are_bounded_per_key(tmp_path: Path) -> None:
    settings = serving_settings(tmp_path, streams_per_key=2)
    publish_day(settings, 0)
    with running(settings) as (client, app):
        _add_routes(app)
        with client.stream("GET", "/try/much") as one, client.stream("GET", "/try/much") as two:
            pieces = [one.iter_raw(), two.iter_raw()]
            assert all(next(piece) for piece in pieces)
            assert app.state.streams.open_now == 2
            with pytest.raises(Exception, match="pulls as many lists"), app.state.streams.stream("k"):
                pass
        deadline = time.monotonic() + 20
        while app.state.streams.open_now:
            assert time.monotonic() < deadline, "a stream that nobody pulls any more is still counted"
            time.sleep(0.05)

"""The server's own manners: it takes its port or says why not, and ends without breaking off."""

import socket
import threading
import time
from pathlib import Path

import httpx
import pytest

from serving.server import listen
from tests.serving.served import running, serving_settings
from warehouse.errors import SettingsError


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = serving_settings(tmp_path, port=taken.getsockname()[1])
        with pytest.raises(SettingsError, match="cannot be had") as caught:
            listen(settings)
    assert "HOLDFAST_PORT" in caught.value.remedy


def test_an_answer_that_has_begun_is_finished_and_nobody_new_is_let_in(tmp_path: Path) -> None:
    begun, answers = threading.Event(), []
    with running(serving_settings(tmp_path)) as (client, app):

        @app.get("/try/slow")
        def slow() -> str:
            begun.set()
            time.sleep(1)
            return "done"

        asking = threading.Thread(target=lambda: answers.append(client.get("/try/slow").text))
        asking.start()
        assert begun.wait(30)
        app.state.server.should_exit = True
        deadline = time.monotonic() + 30
        while True:
            try:
                httpx.get(f"{client.base_url}/v1/health", timeout=30)
            except httpx.TransportError:
                break
            assert time.monotonic() < deadline, "new requests are still taken"
            time.sleep(0.02)
        asking.join(30)
    assert answers == ['"done"']


def test_the_log_has_one_line_per_request_and_nothing_of_queries_or_headers(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="serving.access")
    with running(serving_settings(tmp_path)) as (client, _):
        client.get(
            "/v1/nothing/%0aforged", params={"email": "ada@example.org"}, headers={"X-Secret": "s3cret"}
        )
    lines = [record.getMessage() for record in caplog.records if record.name == "serving.access"]
    assert len(lines) == 1
    assert lines[0].startswith("GET /v1/nothing/\\nforged 404 ")
    assert "ada@example.org" not in caplog.text
    assert "s3cret" not in caplog.text

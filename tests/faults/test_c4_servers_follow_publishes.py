"""C4: a server that lives on through publishes serves the new run soon, never two runs in one answer."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse

from serving import snapshots
from tests.serving.served import ONE_RUN, publish_day, running, serving_settings

CLIENTS = 4
PUBLISHES = 8
FOLLOWS_WITHIN_SECONDS = 5


def add_routes(app: FastAPI) -> None:
    """Add a route that says from which runs its answer comes, and one that answers slowly."""

    @app.get("/try/one-run")
    def one_run(request: Request) -> dict[str, Any]:
        with request.app.state.snapshots.reading() as snapshot:
            rows = [row["run_id"] for row in snapshot.rows(ONE_RUN)]
            exported = (snapshot.folder / "at_risk_users.csv").read_text()
            return {"run_id": snapshot.run_id, "rows": rows, "in_file": exported.count(snapshot.run_id)}

    @app.get("/try/slowly")
    def slowly(request: Request) -> StreamingResponse:
        def lines() -> Iterator[str]:
            with request.app.state.snapshots.reading() as snapshot:
                while not request.app.state.go_on.wait(0.05):
                    yield f"{snapshot.rows('select run_id from run_info')[0]['run_id']}\n"
                yield f"{snapshot.rows('select run_id from run_info')[0]['run_id']}\n"

        return StreamingResponse(lines())


def test_c4_a_server_follows_publishes_and_never_mixes_runs(tmp_path: Path) -> None:
    settings = serving_settings(tmp_path, warehouse={"snapshots_kept": 2, "threads": 1})
    publish_day(settings, 0)
    answers: list[list[dict[str, Any]]] = [[] for _ in range(CLIENTS)]
    stop = threading.Event()
    with running(settings) as (client, app):
        add_routes(app)
        app.state.go_on = threading.Event()

        def pull(mine: list[dict[str, Any]]) -> None:
            with httpx.Client(base_url=client.base_url, timeout=60) as own:
                while not stop.is_set():
                    answer = own.get("/try/one-run")
                    assert answer.status_code == 200, answer.text
                    mine.append(answer.json())
                    time.sleep(0.02)

        with client.stream("GET", "/try/slowly") as slow:
            lines = slow.iter_lines()
            first = next(lines)
            pullers = [threading.Thread(target=pull, args=(mine,)) for mine in answers]
            for puller in pullers:
                puller.start()
            published = [publish_day(settings, number) for number in range(1, PUBLISHES + 1)]
            newest, waited = published[-1].run_id, time.monotonic()
            with httpx.Client(base_url=client.base_url, timeout=60) as own:
                while own.get("/v1/health").json()["run_id"] != newest:
                    assert time.monotonic() - waited < FOLLOWS_WITHIN_SECONDS
                    time.sleep(0.05)
            stop.set()
            for puller in pullers:
                puller.join(60)
            app.state.go_on.set()
            assert set(lines) <= {first}, "an answer that had begun stays with its run"
        for mine in answers:
            assert len(mine) > 5
            assert all(one["rows"] == [one["run_id"]] and one["in_file"] == 3 for one in mine)
            seen = [one["run_id"] for one in mine]
            assert seen == sorted(seen), "nobody goes back"
        assert len({one["run_id"] for mine in answers for one in mine}) >= 2
        deadline = time.monotonic() + 20
        while app.state.snapshots.open_run_ids() != (newest,):
            assert time.monotonic() < deadline, "an old snapshot is still held"
            client.get("/v1/health")
            time.sleep(0.05)


def test_c4_the_pointer_leading_nowhere_is_an_answer_that_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "LOOK_EVERY_SECONDS", 0.0)
    settings = serving_settings(tmp_path)
    with running(settings) as (client, _):
        told = client.get("/v1/health")
        assert (told.status_code, told.json()["code"]) == (503, "nothing_to_serve")
        assert "make demo" in told.json()["todo"]
        publish_day(settings, 0)
        assert client.get("/v1/health").status_code == 200
        current = settings.warehouse.published / "current"
        current.unlink()
        current.symlink_to("snapshots/gone")
        told = client.get("/v1/health")
        assert (told.status_code, told.headers["content-type"]) == (503, "application/problem+json")
        assert "rollback --run" in told.json()["todo"]

"""Health, runs, metrics and the reference: what they say, and who may read them."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from serving.api import health, metrics
from serving.app import create_app
from serving.settings import ServingSettings
from tests.serving.served import bearing, new_key, publish_day, serving_settings
from tests.warehouse.publish.tiny_build import begin_and_build
from warehouse.ledger import Ledger, utc_now
from warehouse.publish import publish, rollback


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> ServingSettings:
    """Publish three days, a backfill of which readers were never told, and roll back to the second."""
    settings = serving_settings(Path(tmp_path_factory.mktemp("routes")))
    second = [publish_day(settings, number) for number in range(3)][1]
    with Ledger.open(settings.warehouse) as ledger:
        run = begin_and_build(settings.warehouse, ledger, 1)
        publish(settings.warehouse, ledger, run, move_pointer=False)
        rollback(settings.warehouse, ledger, second.run_id)
    return settings


@pytest.fixture(scope="module")
def app(settings: ServingSettings) -> FastAPI:
    return create_app(settings)


@pytest.fixture(scope="module")
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app) as opened:
        yield opened


@pytest.fixture(scope="module")
def key(app: FastAPI) -> str:
    return new_key(app.state.ledger, "all", "runs:read", "metrics:read")


def test_health_says_what_is_served_and_how_old_it_is(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = client.get("/v1/health")
    assert told.status_code == 200
    assert (told.json()["status"], told.json()["as_of_date"]) == ("ok", "2024-03-02")
    assert told.json()["stale"] is False
    later = utc_now() + timedelta(hours=40)
    monkeypatch.setattr(health, "utc_now", lambda: later)
    told = client.get("/v1/health")
    assert (told.status_code, told.json()["status"], told.json()["stale"]) == (200, "stale", True)
    told = client.get("/v1/health", params={"max_age_hours": 39})
    assert (told.status_code, told.json()["code"]) == (409, "too_old")
    assert told.headers["holdfast-stale"] == "true"
    assert client.get("/v1/health", params={"max_age_hours": 41}).status_code == 200


def test_runs_tells_what_became_of_each_publish(client: TestClient, key: str) -> None:
    told = client.get("/v1/runs", headers=bearing(key)).json()
    states = [(run["as_of_date"], run["state"]) for run in told["runs"]]
    assert states == [
        ("2024-03-02", "kept"),
        ("2024-03-03", "rolled_back"),
        ("2024-03-02", "served"),
        ("2024-03-01", "was_served"),
    ]
    assert told["served_run_id"] == told["runs"][2]["run_id"]
    assert all(run["is_kept"] and run["row_counts"]["user_risk_tiers"] == 5 for run in told["runs"])
    few = client.get("/v1/runs", params={"limit": 1}, headers=bearing(key)).json()
    assert few["runs"] == told["runs"][:1]


def test_a_key_without_the_scope_is_told_which_one_it_lacks(client: TestClient, app: FastAPI) -> None:
    other = new_key(app.state.ledger, "other", "risk:read")
    for path, scope in (("/v1/runs", "runs:read"), ("/v1/metrics", "metrics:read")):
        told = client.get(path, headers=bearing(other))
        assert (told.status_code, told.json()["code"]) == (403, "scope_missing")
        assert scope in told.json()["detail"]


def test_metrics_tell_of_routes_and_of_nobody(client: TestClient, key: str) -> None:
    for path in ("/v1/health", "/v1/users/u0/nothing", f"/v1/{key}"):
        client.get(path)
    told = client.get("/v1/metrics", headers=bearing(key))
    assert told.headers["content-type"].startswith("text/plain")
    assert 'holdfast_http_requests_total{method="GET",route="/v1/health",status="200"}' in told.text
    assert 'route="unmatched"' in told.text
    assert "holdfast_snapshot_served 1.0" in told.text
    assert "u0" not in told.text
    assert "hfk_" not in told.text


def test_metrics_need_no_key_from_this_machine_where_the_settings_say_so(
    settings: ServingSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with TestClient(create_app(replace(settings, open_metrics=True)), client=("127.0.0.1", 5)) as local:
        assert local.get("/v1/metrics").status_code == 200
        assert local.get("/v1/metrics", headers={"X-Forwarded-For": "127.0.0.1"}).status_code == 401
        assert local.get("/v1/metrics", headers=bearing("wrong")).status_code == 401
        monkeypatch.setattr(metrics, "_is_loopback", lambda _: False)
        assert local.get("/v1/metrics").status_code == 401


def test_the_reference_shows_every_route_and_loads_nothing(client: TestClient, app: FastAPI) -> None:
    told = client.get("/v1/reference")
    assert told.status_code == 200
    paths = app.openapi()["paths"]
    assert {"/v1/health", "/v1/runs", "/v1/metrics"} <= set(paths)
    assert not [path for path in paths if f" {path}<" not in told.text]
    assert "<script" not in told.text
    assert "http://" not in told.text.replace("http://localhost", "")
    assert client.get("/docs").status_code == client.get("/redoc").status_code == 404

"""Every error is a problem document that says what to do, and gives nothing away."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from serving.app import create_app
from serving.problems import MEDIA_TYPE
from tests.serving.served import serving_settings
from warehouse.errors import Busy, HoldfastError


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    app = create_app(serving_settings(Path(tmp_path_factory.mktemp("problems"))))

    @app.get("/v1/try/{kind}")
    def fail(kind: str) -> None:
        raise {
            "busy": Busy("The file is being written", "secret.db", "wait"),
            "known": HoldfastError("Something in /secret/path failed", "secret", "mend it"),
            "unknown": ZeroDivisionError("secret"),
        }[kind]

    with TestClient(app, raise_server_exceptions=False) as opened:
        yield opened


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nothing", 404, "not_found"),
        ("DELETE", "/v1/health", 405, "method_not_allowed"),
        ("GET", "/v1/health?max_age_hours=-1", 400, "invalid_request"),
        ("GET", "/v1/health", 503, "nothing_to_serve"),
        ("GET", "/v1/runs", 401, "key_needed"),
        ("GET", "/v1/try/busy", 503, "busy"),
        ("GET", "/v1/try/known", 500, "internal_error"),
        ("GET", "/v1/try/unknown", 500, "internal_error"),
    ],
)
def test_every_error_is_a_problem_document(
    client: TestClient, method: str, path: str, status: int, code: str
) -> None:
    told = client.request(method, path)
    assert (told.status_code, told.headers["content-type"]) == (status, MEDIA_TYPE)
    document = told.json()
    assert (document["status"], document["code"]) == (status, code)
    assert document["type"] == f"urn:holdfast:problem:{code}"
    assert document["title"]
    assert document["todo"]
    assert "secret" not in told.text
    assert told.headers["x-content-type-options"] == "nosniff"


def test_what_was_sent_is_not_repeated(client: TestClient) -> None:
    told = client.get("/v1/health", params={"max_age_hours": "<script>"})
    assert "max_age_hours" in told.json()["detail"]
    assert "<script>" not in told.text

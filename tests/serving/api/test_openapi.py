"""The API is what its description says: requests made of it, good and bad, never break it."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.generation import GenerationMode

from serving.access import Gate
from serving.limits import WrongKeys
from tests.serving.api.asking import WHOLE, Api

SCOPES = ("risk:read", "users:read", "audience:*", "outcomes:write", "runs:read", "metrics:read")
ROUTES = (
    ("GET", "/v1/at-risk"),
    ("GET", "/v1/users/{user_id}/risk"),
    ("GET", "/v1/audiences"),
    ("GET", "/v1/audiences/{name}"),
    ("POST", "/v1/outcomes"),
)
EXAMPLES = 12


@pytest.fixture(scope="module")
def headers(api: Api) -> dict[str, str]:
    return api.key(*SCOPES, fields=WHOLE)


@pytest.fixture(scope="module")
def described(api: Api) -> Iterator[Any]:
    """The description as a server tells it; its app is opened and closed by others."""
    state, gate = api.app.state, api.app.state.gate
    # it tries wrong keys with every request: more than one address may
    state.gate = Gate(api.ledger, state.audit, wrong_keys=WrongKeys(most=1_000_000))
    server = uvicorn.Server(uvicorn.Config(api.app, port=0, lifespan="off", log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 60
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield schemathesis.openapi.from_url(f"http://127.0.0.1:{port}/v1/openapi.json")
    server.should_exit = True
    thread.join()
    state.gate = gate


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["good", "bad"])
def test_no_request_made_of_the_description_breaks_it(
    described: Any, headers: dict[str, str], method: str, path: str, mode: GenerationMode
) -> None:
    operation = described[path][method]

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: schemathesis.Case) -> None:
        case.call_and_validate(headers=headers)

    ask()


def test_every_route_has_an_example_and_says_how_it_fails(api: Api) -> None:
    paths = api.app.openapi()["paths"]
    for method, path in ROUTES:
        answers = paths[path][method.lower()]["responses"]
        content = answers["200"]["content"]["application/json"]
        assert "example" in content, path
        assert {"400", "401", "429", "503"} <= set(answers), path

"""The API is what its description says: requests made of it, good and bad, never break it."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.generation import GenerationMode

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


def described(api: Api) -> Any:
    return schemathesis.openapi.from_asgi("/v1/openapi.json", api.app)


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["good", "bad"])
def test_no_request_made_of_the_description_breaks_it(
    api: Api, headers: dict[str, str], method: str, path: str, mode: GenerationMode
) -> None:
    operation = described(api)[path][method]

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

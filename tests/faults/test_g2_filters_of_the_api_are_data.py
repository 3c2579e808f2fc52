"""G2: what is sent in place of a filter is a value, or refused: it reaches no SQL and reads no file."""

from pathlib import Path

import pytest

from tests.serving.api.asking import WHOLE, Api, published

CANARY = "canary-of-the-filter-test"
PARAMETERS = (
    "tier",
    "value_tier",
    "lifecycle",
    "reason",
    "country",
    "entered_since",
    "as_of_date",
    "sort",
    "limit",
    "cursor",
    "max_age_hours",
)


def payloads(canary: Path) -> list[str]:
    return [
        "9 union all select * from at_risk_users",
        f"x' union all select content from read_text('{canary}') --",
        "'; drop table at_risk_users; --",
        "{{ env_var('HOME') }}",
        "high' or '1'='1",
        '") or 1=1 --',
        "$name",
        "../../ledger/ledger.db",
        "risk_rank desc, (select 1)",
    ]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    with published(tmp_path_factory.mktemp("g2")) as api:
        yield api


@pytest.mark.parametrize("parameter", PARAMETERS)
def test_a_filter_is_a_value_or_refused(shop: Api, tmp_path: Path, parameter: str) -> None:
    canary = tmp_path / "canary.txt"
    canary.write_text(CANARY)
    tool = shop.tool("risk:read", fields=WHOLE)
    everybody = tool.get("/v1/at-risk", limit=1000).json()["count"]
    for payload in payloads(canary):
        answer = tool.get("/v1/at-risk", **{parameter: payload})
        assert CANARY not in answer.text
        if parameter == "country" and len(payload) <= 64:
            # a country is any short text: one that no user has
            assert (answer.status_code, answer.json()["count"]) == (200, 0), payload
        else:
            assert answer.status_code == 400, (parameter, payload, answer.text)
            assert answer.headers["content-type"] == "application/problem+json"
            assert payload not in answer.text
    assert tool.get("/v1/at-risk", limit=1000).json()["count"] == everybody > 0


@pytest.mark.parametrize("name", ["where", "order_by", "columns", "tier'", "limit;--", "as_of_date[]"])
def test_a_parameter_that_is_not_known_is_refused(shop: Api, name: str) -> None:
    for path in ("/v1/at-risk", "/v1/audiences/high_risk"):
        answer = shop.tool("risk:read", "audience:*").get(path, **{name: "1"})
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


@pytest.mark.parametrize("payload", ["' or 1=1 --", "u1'; drop table x --", "{{ 1 }}", "$user"])
def test_names_in_the_path_are_values(shop: Api, payload: str) -> None:
    tool = shop.tool("users:read", "audience:*")
    for path in (f"/v1/users/{payload}/risk", f"/v1/audiences/{payload}"):
        assert tool.get(path).status_code == 404
    for since in (payload, f"../{payload}"):
        assert tool.get("/v1/audiences/win_back_coupon", since=since).status_code == 400

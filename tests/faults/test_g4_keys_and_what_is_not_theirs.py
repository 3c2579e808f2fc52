"""G4: every key against every resource and method: what is not its own answers as what is not there."""

from collections.abc import Iterator

import pytest

from tests.serving.api.asking import WHOLE, Api, action, published, rights
from tests.serving.published_shop import BEFORE, user_id

KEYS = {
    "list": ("risk:read",),
    "users": ("users:read",),
    "coupons": ("audience:win_back_coupon",),
    "high": ("audience:high_risk",),
    "reports": ("outcomes:write",),
    "runs": ("runs:read",),
}
RESOURCES = {
    "/v1/at-risk": {"list": 200},
    f"/v1/users/{user_id(2)}/risk": {"users": 200},
    "/v1/users/nobody/risk": {"users": 404},
    "/v1/runs": {"runs": 200},
    "/v1/audiences/win_back_coupon": {"coupons": 200},
    "/v1/audiences/high_risk": {"high": 200},
    "/v1/audiences/service_call": {},
    "/v1/audiences/not_there": {},
    "/v1/keys": {},
    "/v1/admin": {},
    "/v1/audit": {},
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with published(
        tmp_path_factory.mktemp("g4"), campaign_actions=[action(2)], user_contact_rights=rights(range(40))
    ) as api:
        yield api


def refusal_of(path: str) -> int:
    """What a key without the scope gets: told apart by route, never by what is behind it."""
    known = path in ("/v1/at-risk", "/v1/runs") or path.startswith("/v1/users/")
    return 403 if known else 404


@pytest.mark.parametrize("path", RESOURCES)
def test_a_key_reads_what_its_scopes_name_and_nothing_else(shop: Api, path: str) -> None:
    for name, scopes in KEYS.items():
        answer = shop.tool(*scopes).get(path)
        assert answer.status_code == RESOURCES[path].get(name, refusal_of(path)), (name, answer.text)
        if answer.status_code >= 400:
            assert user_id(2) not in answer.text


@pytest.mark.parametrize("path", [path for path in RESOURCES if RESOURCES[path]])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_other_methods_do_nothing(shop: Api, path: str, method: str) -> None:
    for scopes in KEYS.values():
        tool = shop.tool(*scopes)
        assert tool.client.request(method, path, headers=tool.headers).status_code == 405


def test_without_a_key_everything_answers_alike(shop: Api) -> None:
    for path in (*[path for path in RESOURCES if RESOURCES[path]], "/v1/audiences"):
        answer = shop.tool("risk:read").client.get(path)
        assert (answer.status_code, answer.json()["code"]) == (401, "key_needed")


def test_an_audience_of_others_answers_as_one_that_is_not_there(shop: Api) -> None:
    tool = shop.tool("audience:win_back_coupon")
    foreign, missing = tool.get("/v1/audiences/high_risk"), tool.get("/v1/audiences/not_there")
    assert foreign.status_code == missing.status_code == 404
    assert foreign.json() == missing.json()


def test_a_user_that_is_not_scored_answers_as_one_that_is_not_there(shop: Api) -> None:
    tool = shop.tool("users:read")
    answers = [
        tool.get(f"/v1/users/{name}/risk") for name in ("u0002x", "u00002", "u0041", user_id(39) + "0")
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1


def test_no_key_sees_columns_that_were_not_given_to_it(shop: Api) -> None:
    few, whole = shop.tool("risk:read", "audience:*"), shop.tool("risk:read", "audience:*", fields=WHOLE)
    for path, hidden in (
        ("/v1/at-risk", {"country"}),
        ("/v1/audiences/win_back_coupon", {"channel", "language"}),
    ):
        seen = [set(tool.get(path, limit=1).json()["users"][0]) for tool in (few, whole)]
        assert not seen[0] & hidden
        assert hidden <= seen[1]
        assert not seen[1] & {"arm", "holdout_share", "stratum", "cost", "expected_net_value", "salt"}
    for asked in ({"fields": "country"}, {"columns": "*"}, {"select": "country"}):
        assert few.get("/v1/at-risk", **asked).status_code == 400


@pytest.mark.parametrize(
    "day", ["../2026-06-30", "2026-06-30/../..", "..%2f..", "2026-06-31", "20260630x", f"{BEFORE} "]
)
def test_a_day_is_a_day(shop: Api, day: str) -> None:
    assert shop.tool("risk:read").get("/v1/at-risk", as_of_date=day).status_code == 400


@pytest.mark.parametrize("since", ["../current", "..", "current", ".20260630-000001.tmp"])
def test_a_run_is_a_run(shop: Api, since: str) -> None:
    answer = shop.tool("audience:*").get("/v1/audiences/win_back_coupon", since=since)
    assert answer.status_code in (400, 409)

"""The page behind unsubscribe links."""

import pytest
from fastapi.testclient import TestClient

from campaigns.unsubscribe import Subscription, make_token, unsubscribe_key
from tests.serving.api.asking import Api


@pytest.fixture
def browser(api: Api) -> TestClient:
    return TestClient(api.app)


def token_for(api: Api, user: str, purpose: str = "email") -> str:
    key = unsubscribe_key(api.shop.settings.warehouse.home)
    return make_token(key, Subscription("sample_shop", user, purpose))


def blocks(api: Api, user: str) -> list[tuple[str, str]]:
    return [(one.purpose, one.reason) for one in api.ledger.contact_blocks("sample_shop", user_id=user)]


def test_looking_at_the_link_changes_nothing(api: Api, browser: TestClient) -> None:
    token = token_for(api, "looks")
    page = browser.get("/unsubscribe", params={"token": token})
    assert page.status_code == 200
    assert f'action="?token={token}"' in page.text
    assert '<form method="post"' in page.text
    assert blocks(api, "looks") == []


def test_the_form_stops_what_the_token_names_and_again_is_fine(api: Api, browser: TestClient) -> None:
    token = token_for(api, "stops", "sms")
    for _ in range(2):
        page = browser.post("/unsubscribe", params={"token": token})
        assert page.status_code == 200
        assert "text messages" in page.text
        assert "stops" not in page.text
    assert blocks(api, "stops") == [("sms", "unsubscribed")]


def test_one_click_of_a_mail_program_is_enough(api: Api, browser: TestClient) -> None:
    answer = browser.post(
        "/unsubscribe",
        params={"token": token_for(api, "clicks")},
        data={"List-Unsubscribe": "One-Click"},
    )
    assert answer.status_code == 200
    assert blocks(api, "clicks") == [("email", "unsubscribed")]


@pytest.mark.parametrize("token", ["", "x", "e30.e30", "ü.ü", "<script>alert(1)</script>"])
def test_a_token_that_was_not_made_here_does_nothing(api: Api, browser: TestClient, token: str) -> None:
    before = len(api.ledger.contact_blocks("sample_shop"))
    for answer in (
        browser.get("/unsubscribe", params={"token": token}),
        browser.post("/unsubscribe", params={"token": token}),
    ):
        assert answer.status_code == 400
        assert "does not work" in answer.text
        assert "<script>" not in answer.text
    assert len(api.ledger.contact_blocks("sample_shop")) == before


def test_the_token_goes_on_to_nobody(api: Api, browser: TestClient) -> None:
    page = browser.get("/unsubscribe", params={"token": token_for(api, "private")})
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in page.headers["content-security-policy"]

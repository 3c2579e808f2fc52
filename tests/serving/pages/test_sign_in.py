"""Coming in: passwords, locks, sessions, forms, and the word of a trusted proxy."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from serving.pages.doors import SESSION_COOKIE, doors_of
from serving.pages.page_settings import PageSettings
from serving.pages.people import Tries, password_hash
from serving.pages.sign_in import safe_next
from tests.serving.published_shop import PublishedShop, app_of

PASSWORD = "correct horse battery"
HASH = password_hash(PASSWORD)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> PublishedShop:
    shop = PublishedShop(tmp_path_factory.mktemp("sign-in"))
    shop.publish(users=10)
    return shop


@pytest.fixture(scope="module")
def shared(home: PublishedShop) -> Iterator[FastAPI]:
    app = app_of(home)
    with TestClient(app):
        yield app


@pytest.fixture
def app(shared: FastAPI) -> Iterator[FastAPI]:
    """The app with mei, who is a marketer; every test begins with all tries."""
    shared.state.ledger.set_person("mei", role="marketer", password_hash=HASH, language="", by="test")
    before = doors_of(shared)
    shared.state.doors = replace(before, tries=Tries(3, 60.0))
    yield shared
    shared.state.doors = before


@pytest.fixture
def client(app: FastAPI) -> TestClient:
    return TestClient(app, follow_redirects=False)


def token_on(page: str) -> str:
    found = re.search(r'name="form_token" value="([0-9a-f]+)"', page)
    assert found
    return found[1]


def try_password(client: TestClient, password: str, person: str = "mei", **more: str) -> int:
    token = token_on(client.get("/sign-in").text)
    form = {"person": person, "password": password, "form_token": token, **more}
    return client.post("/sign-in", data=form).status_code


def actions(app: FastAPI) -> list[tuple[str, str, str]]:
    entries = app.state.ledger.audit_entries()
    return [(entry.actor, entry.action, entry.subject) for entry in entries]


def test_who_is_not_signed_in_is_led_to_the_form_and_back_to_what_was_asked(client: TestClient) -> None:
    answer = client.get("/at-risk?tier=high&page=2")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=%2Fat-risk%3Ftier%3Dhigh%26page%3D2"
    page = client.get(answer.headers["location"]).text
    form = {
        "person": "mei",
        "password": PASSWORD,
        "form_token": token_on(page),
        "next": "/at-risk?tier=high&page=2",
    }
    answer = client.post("/sign-in", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/at-risk?tier=high&page=2")
    assert client.get("/at-risk").status_code == 200


def test_the_cookie_is_for_this_site_alone_and_no_script_reads_it(client: TestClient) -> None:
    token = token_on(client.get("/sign-in").text)
    answer = client.post("/sign-in", data={"person": "mei", "password": PASSWORD, "form_token": token})
    [cookie] = [one for one in answer.headers.get_list("set-cookie") if one.startswith(SESSION_COOKIE)]
    assert "httponly" in cookie.lower()
    assert "samesite=lax" in cookie.lower()
    assert PASSWORD not in cookie
    assert "no-store" in answer.headers["cache-control"]


def test_a_wrong_password_and_a_wrong_name_are_told_in_the_same_words(
    client: TestClient, app: FastAPI
) -> None:
    answers = []
    for name, password in (("mei", "wrong password"), ("nobody.here", PASSWORD)):
        token = token_on(client.get("/sign-in").text)
        answer = client.post("/sign-in", data={"person": name, "password": password, "form_token": token})
        assert answer.status_code == 401
        answers.append(re.sub(r'value="[^"]*"', "", answer.text))
    assert answers[0] == answers[1]
    assert "Name or password is wrong." in answers[0]
    assert actions(app)[-2:] == [
        ("nobody", "person.sign_in_failed", "mei"),
        # what was typed in place of a name may be a password
        ("nobody", "person.sign_in_failed", "unknown name"),
    ]


def test_too_many_wrong_passwords_lock_the_name_also_for_the_right_one(
    client: TestClient, app: FastAPI
) -> None:
    assert [try_password(client, "wrong password") for _ in range(3)] == [401, 401, 401]
    assert try_password(client, PASSWORD) == 429
    assert ("nobody", "person.locked_out", "mei") in actions(app)
    assert SESSION_COOKIE not in client.cookies


def test_signing_in_and_out_is_in_the_audit_and_ends_the_session(client: TestClient, app: FastAPI) -> None:
    assert try_password(client, PASSWORD) == 303
    page = client.get("/today").text
    assert client.post("/sign-out", data={"form_token": token_on(page)}).status_code == 303
    assert client.get("/today").status_code == 303
    assert [action for actor, action, _ in actions(app) if actor == "person:mei"][-2:] == [
        "person.signed_in",
        "person.signed_out",
    ]


def test_a_form_without_this_visits_token_is_refused(client: TestClient, app: FastAPI) -> None:
    stranger = TestClient(app, follow_redirects=False)
    theirs = token_on(stranger.get("/sign-in").text)
    client.get("/sign-in")
    for token in ("", theirs):
        form = {"person": "mei", "password": PASSWORD, "form_token": token}
        assert client.post("/sign-in", data=form).status_code == 403
    assert try_password(client, PASSWORD) == 303
    assert client.post("/sign-out", data={"form_token": theirs}).status_code == 403
    assert client.get("/today").status_code == 200


def test_a_form_that_another_site_sends_is_refused_whatever_it_carries(client: TestClient) -> None:
    assert try_password(client, PASSWORD) == 303
    token = token_on(client.get("/today").text)
    answer = client.post("/sign-out", data={"form_token": token}, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
    assert "not sent from a page of this dashboard" in answer.text


@pytest.mark.parametrize("change", ["password", "disabled"])
def test_a_new_password_or_being_shut_out_ends_open_sessions(
    client: TestClient, app: FastAPI, change: str
) -> None:
    assert try_password(client, PASSWORD) == 303
    assert client.get("/today").status_code == 200
    if change == "password":
        other = password_hash("another long password")
        app.state.ledger.set_person("mei", role="marketer", password_hash=other, by="test")
    else:
        app.state.ledger.disable_person("mei", by="test")
    assert client.get("/today").status_code == 303


def test_pages_speak_the_persons_language_until_another_is_chosen(client: TestClient, app: FastAPI) -> None:
    app.state.ledger.set_person("mei", role="marketer", password_hash=HASH, language="zh", by="test")
    assert try_password(client, PASSWORD) == 303
    assert 'lang="zh-Hans"' in client.get("/today").text
    client.get("/today?lang=en")
    assert 'lang="en"' in client.get("/today").text


def test_where_nobody_may_sign_in_yet_the_page_says_which_command_lets_the_first_in(tmp_path: Path) -> None:
    shop = PublishedShop(tmp_path)
    with TestClient(app_of(shop)) as client:
        page = client.get("/sign-in").text
    assert "python -m serving person add NAME --role admin" in page
    assert "<form" not in page.split("<main")[1]


@pytest.mark.parametrize(
    "asked",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/sign-out", "",
     "/today\r\nSet-Cookie: a=b"],
)  # fmt: skip
def test_after_signing_in_one_stays_on_this_site(asked: str) -> None:
    assert safe_next(asked) == "/today"


@pytest.fixture
def behind_a_proxy(app: FastAPI) -> FastAPI:
    settings = PageSettings(sso_header="X-Forwarded-User", sso_proxies=("10.0.0.1",))
    app.state.doors = replace(doors_of(app), settings=settings)
    return app


def test_the_header_is_believed_from_the_trusted_proxy_only(behind_a_proxy: FastAPI) -> None:
    header = {"X-Forwarded-User": "mei"}
    proxy = TestClient(behind_a_proxy, follow_redirects=False, client=("10.0.0.1", 1))
    anybody = TestClient(behind_a_proxy, follow_redirects=False, client=("10.0.0.2", 1))
    page = proxy.get("/today", headers=header)
    assert page.status_code == 200
    assert "Sign out" not in page.text
    spoofed = {**header, "X-Forwarded-For": "10.0.0.1"}
    assert anybody.get("/today", headers=spoofed).status_code == 303


def test_the_proxys_word_about_somebody_unknown_here_lets_nobody_in(behind_a_proxy: FastAPI) -> None:
    proxy = TestClient(behind_a_proxy, follow_redirects=False, client=("10.0.0.1", 1))
    page = proxy.get("/today", headers={"X-Forwarded-User": "stranger"})
    assert page.status_code == 403
    assert "python -m serving person add YOUR_NAME --role ROLE --sso" in page.text

"""The page of one user: everything published of them, and nothing that the viewer's role does not need."""

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from serving.pages.doors import doors_of
from serving.pages.viewers import Viewer
from tests.serving.published_shop import HOSTILE_ID


def pseudonym(app: FastAPI, user_id: str) -> str:
    return Viewer("any", "analyst", doors_of(app).signer.derived("pseudonyms")).pseudonym(user_id)


def test_a_users_page_says_why_what_happened_and_what_was_decided(marketer: TestClient) -> None:
    page = marketer.get("/users?id=u0002").text
    for text in (
        "89.8\u202f%",
        "Time since the last visit: 30 days (raises the risk)",
        "+1.50",
        "−0.50",
        "Recommendation, E-mail",
        "Popular.",
        "no consent",
        "49\u00a0CNY",
        "Complaint",
        "From 90\u202f% on 29 June 2026 to 90\u202f% on 30 June 2026.",
        "Visits in 90 days",
        "Nothing was opened for a month.",
    ):
        assert text in page, text


def test_no_page_tells_age_gender_or_city(marketer: TestClient) -> None:
    page = marketer.get("/users?id=u0002").text
    for text in ("female", "Wuhan", ">41<"):
        assert text not in page


def test_who_is_held_out_is_shown_as_not_to_be_touched(marketer: TestClient) -> None:
    assert "Held out of Recommendation: nothing may be handed over" in marketer.get("/users?id=u0003").text
    assert "Campaigns leave this user alone." in marketer.get("/users?id=u0010").text
    for user_id in ("u0003", "u0010"):
        assert "Products to recommend" not in marketer.get(f"/users?id={user_id}").text


@pytest.mark.parametrize(
    ("user_id", "said"),
    [
        ("u0007", "The timeline is published for users on the list"),
        ("u0041", "Not scored"),
        ("u0007", "days since last visit"),
    ],
)
def test_users_who_are_not_on_the_list_have_a_page_too(marketer: TestClient, user_id: str, said: str) -> None:
    answer = marketer.get(f"/users?id={user_id}")
    assert answer.status_code == 200
    assert said in answer.text


def test_an_analyst_sees_the_same_under_a_pseudonym(analyst: TestClient, app: FastAPI) -> None:
    known = pseudonym(app, "u0002")
    page = analyst.get("/users", params={"id": known}).text
    assert f"User {known}" in page
    assert "+1.50" in page
    assert "u0002" not in page


def test_an_analyst_cannot_ask_by_id_and_learns_nothing_from_the_answer(analyst: TestClient) -> None:
    there, missing = (analyst.get(f"/users?id={one}") for one in ("u0002", "u9999"))
    assert there.status_code == missing.status_code == 404
    assert there.text.replace("u0002", "u9999") == missing.text


def test_a_marketer_finds_whom_an_analyst_means(marketer: TestClient, app: FastAPI) -> None:
    page = marketer.get("/users", params={"id": pseudonym(app, "u0002")}).text
    assert 'class="heading-id">u0002<' in page


def test_ids_that_would_do_harm_are_shown_as_text(marketer: TestClient) -> None:
    answer = marketer.get("/users", params={"id": HOSTILE_ID})
    assert answer.status_code == 200
    assert "alert(" in answer.text
    assert "<script>alert" not in answer.text
    unknown = marketer.get("/users", params={"id": "<b>nobody</b>"})
    assert unknown.status_code == 404
    assert "<b>nobody" not in unknown.text


def test_looking_at_a_user_is_in_the_audit_without_naming_them(marketer: TestClient, app: FastAPI) -> None:
    marketer.get("/users?id=u0004")
    entry = app.state.ledger.audit_entries()[-1]
    assert (entry.actor, entry.action) == ("person:marketer.one", "user.viewed")
    assert entry.subject == pseudonym(app, "u0004")


def test_without_an_id_the_page_asks_for_one(marketer: TestClient, analyst: TestClient) -> None:
    assert "User id" in marketer.get("/users").text
    assert "Pseudonym" in analyst.get("/users").text

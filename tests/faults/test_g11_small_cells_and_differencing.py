"""G11: few people, and what subtracting tells, on the dashboard's pages.

An analyst, who may look into no single user, must not learn of one by a small slice, by a total minus the
rest, by a group all of whose users are alike, or by comparing two days.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from serving.pages.language import catalogue
from serving.pages.small_cells import FEWEST_USERS
from tests.serving.pages.deep_rows import campaign_tables, model_tables, slice_row
from tests.serving.published_shop import DAY, PublishedShop, Row, app_of, sign_in


def eligibility(**by_reason: int) -> list[Row]:
    reasons = [reason for reason, users in by_reason.items() for _ in range(users)]
    return [
        {
            "as_of_date": DAY,
            "run_id": "r",
            "user_id": f"u{number:04}",
            "campaign_id": "win_back_coupon",
            "is_eligible": reason == "eligible",
            "suppression_reason": None if reason == "eligible" else reason,
        }
        for number, reason in enumerate(reasons)
    ]


@pytest.fixture
def shop(tmp_path: Path) -> PublishedShop:
    return PublishedShop(tmp_path)


@pytest.fixture
def app(shop: PublishedShop) -> Iterator[FastAPI]:
    # one user objects, one reason has all but nobody
    shop.publish(
        **{
            **campaign_tables(),
            **model_tables(),
            "campaign_eligibility": eligibility(eligible=123, no_consent=48, global_control=31,
                                                objected_to_profiling=1),
            "model_slices": [
                *slice_row("country", "CN", 240, 120),
                *slice_row("country", "SG", 60, 30),
                # the only one there, and forty who all churned
                *slice_row("country", "LU", 1, 1),
                *slice_row("country", "MY", 40, 40),
            ],
        }
    )  # fmt: skip
    app = app_of(shop)
    with TestClient(app):
        yield app


def counts(page: str, heading: str) -> list[int]:
    """Return the whole numbers that a section of the page shows in its cells and lists."""
    section = page.split(f'id="{heading}"', 1)[1].split("</section>", maxsplit=1)[0]
    found = re.findall(r"<(?:td class=\"number\"|strong)>([0-9,]+)</", section)
    return [int(number.replace(",", "")) for number in found]


def reasons_told(page: str) -> set[str]:
    """Return the reasons that the page tells apart, by their codes."""
    section = page.split('id="suppressed"', 1)[1].split("</section>", maxsplit=1)[0]
    codes = ("no_consent", "global_control", "objected_to_profiling")
    return {code for code in codes if f">{catalogue()[f'word.suppression.{code}']['en']}<" in section}


def test_a_slice_of_one_user_is_shown_to_nobody_who_may_not_look_into_users(app: FastAPI) -> None:
    page = sign_in(TestClient(app), app, "analyst").get("/campaigns").text
    shown = counts(page, "suppressed")
    assert shown
    assert all(users == 0 or users >= FEWEST_USERS for users in shown)
    assert "objected_to_profiling" not in reasons_told(page)
    # an admin, who may open the user's page, sees the figure itself
    admin = sign_in(TestClient(app), app, "admin").get("/campaigns").text
    assert 1 in counts(admin, "suppressed")
    assert len(reasons_told(admin)) == 3


def test_the_total_minus_the_rest_is_nobody_or_ten(app: FastAPI) -> None:
    page = sign_in(TestClient(app), app, "analyst").get("/campaigns").text
    by_reason = {"no_consent": 48, "global_control": 31, "objected_to_profiling": 1}
    told = reasons_told(page)
    left = sum(by_reason.values()) - sum(by_reason[code] for code in told)
    # the one who objects is told of together with the next smallest reason, and only so
    assert told == {"no_consent"}
    assert left >= FEWEST_USERS


def test_a_group_whose_users_are_all_alike_is_not_told_apart(app: FastAPI) -> None:
    page = sign_in(TestClient(app), app, "analyst").get("/model").text
    rows = page.split('id="slices"', 1)[1].split("</section>")[0].split("<tr>")
    told = {name: row for row in rows for name in ("CN", "SG", "LU", "MY") if f"· {name}" in row}
    assert set(told) == {"CN", "SG", "LU", "MY"}
    for name in ("LU", "MY"):
        assert "not told" in told[name]
        assert "0.700" not in told[name]
    assert "240" in told["CN"]


def test_one_user_more_on_the_next_day_cannot_be_told_by_comparing(shop: PublishedShop, app: FastAPI) -> None:
    client = sign_in(TestClient(app), app, "analyst")
    before = counts(client.get("/campaigns").text, "suppressed")
    with_one_more = eligibility(eligible=123, no_consent=49, global_control=31, objected_to_profiling=1)
    shop.publish(**{**campaign_tables(), "campaign_eligibility": with_one_more})
    other = app_of(shop)
    with TestClient(other) as fresh:
        after = counts(sign_in(fresh, other, "analyst").get("/campaigns").text, "suppressed")
    assert before
    assert len(before) == len(after)
    differences = [abs(x - y) for x, y in zip(before, after, strict=True)]
    assert all(users == 0 or users >= FEWEST_USERS for users in differences)

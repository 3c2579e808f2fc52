"""Every page in a real browser: no complaint, no fault that keeps people out, nothing wider than a phone."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from fastapi.routing import APIRoute

from serving.pages.frame import NAVIGATION
from serving.pages.installing import ROUTERS
from tests.serving.browser.conftest import Looking

Look = Callable[..., Looking]
PATHS = ["/today", "/at-risk", "/at-risk?tier=high&size=25", "/users", "/users?id=u0002"]
#: The other pages of the navigation; each is held to the same.
INSTALLED = {route.path for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)}
MORE = [place.path for place in NAVIGATION if place.path in INSTALLED - {"/today", "/at-risk", "/users"}]
GRAVE = {"serious", "critical"}


def grave_faults(looking: Looking) -> list[str]:
    """Return what axe calls serious or critical, each with where it is."""
    found = Axe().run(looking.page).response["violations"]
    return [
        f"{fault['id']} ({fault['impact']}): {fault['nodes'][0]['html'][:160]}"
        for fault in found
        if fault["impact"] in GRAVE
    ]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("path", [*PATHS, *MORE])
def test_a_page_loads_without_complaint_and_keeps_nobody_out(look: Look, path: str, language: str) -> None:
    looking = look("marketer", language)
    page = looking.open(path)
    assert page.locator("html").get_attribute("lang") == {"en": "en", "zh": "zh-Hans"}[language]
    assert page.locator("h1").count() == 1
    assert looking.complaints == []
    assert grave_faults(looking) == []


@pytest.mark.parametrize("path", ["/today", "/at-risk", "/users?id=u0002"])
def test_contrast_holds_in_the_dark_as_well(look: Look, path: str) -> None:
    looking = look("marketer", dark=True)
    looking.open(path)
    assert grave_faults(looking) == []


@pytest.mark.parametrize("path", [*PATHS, *MORE])
def test_a_phone_shows_a_page_without_scrolling_sideways(look: Look, path: str) -> None:
    page = look("marketer", width=390).open(path)
    sizes = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert sizes[0] <= sizes[1]
    assert page.locator("h1").is_visible()


def test_figures_are_drawn_and_say_their_numbers_in_words_and_tables(look: Look) -> None:
    page = look().open("/today")
    assert page.locator("[data-plot] svg").count() >= 3
    figure = page.locator("#plot-flow")
    assert "29 June 2026" in str(figure.locator("[data-plot]").get_attribute("aria-label"))
    table = figure.locator("table")
    assert not table.is_visible()
    figure.locator("summary").click()
    assert table.is_visible()


def test_filters_are_applied_at_once_and_links_keep_them(look: Look) -> None:
    page = look().open("/at-risk")
    assert "42 users at risk" in page.locator(".lead").inner_text()
    page.select_option("#tier", "medium")
    page.wait_for_url("**/at-risk?*tier=medium*")
    assert "18 users fit" in page.locator(".lead").inner_text()
    # empty fields stay out of the address
    assert "country=" not in page.url
    page.click("th a.sort:has-text('Probability')")
    page.wait_for_url("**sort=churn_probability*")
    assert "tier=medium" in page.url
    page.click("text=Clear")
    page.wait_for_url("**/at-risk")
    page.fill("#search", "u0012")
    page.press("#search", "Enter")
    page.wait_for_url("**search=u0012*")
    assert page.locator("tbody tr").count() == 1
    page.click("tbody a.id")
    page.wait_for_url("**/users?id=u0012")


def test_filters_and_paging_work_without_script(look: Look) -> None:
    looking = look(script=False)
    page = looking.page
    page.goto(f"{looking.address}/at-risk")
    page.select_option("#size", "25")
    page.select_option("#tier", "high")
    page.click("main form button[type=submit]")
    assert "24 users fit" in page.locator(".lead").inner_text()
    page.goto(f"{looking.address}/at-risk?size=25")
    page.click("a[rel=next]")
    assert page.locator("tbody tr").count() == 17
    page.goto(f"{looking.address}/today")
    page.click("#plot-flow summary")
    assert page.locator("#plot-flow table").is_visible()


def test_what_is_downloaded_is_what_the_page_counts(look: Look, tmp_path: Path) -> None:
    page = look().open("/at-risk?tier=medium")
    with page.expect_download() as download:
        page.click("text=JSON Lines")
    target = tmp_path / download.value.suggested_filename
    download.value.save_as(target)
    rows = [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()]
    assert len(rows) == 18
    assert {row["risk_tier"] for row in rows} == {"medium"}
    shown = page.locator("tbody a.id").all_inner_texts()
    assert [row["user_id"] for row in rows] == shown


def test_the_keyboard_reaches_the_content_first(look: Look) -> None:
    page = look().open("/at-risk")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("Tab")
    # what has the focus shows it
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_the_language_is_switched_in_place_and_kept(look: Look) -> None:
    page = look("analyst").open("/at-risk?tier=high")
    page.click(".languages a")
    page.wait_for_url("**lang=zh*")
    assert page.locator("h1").inner_text() == "风险名单"
    assert "tier=high" in page.url
    page.click(".places a >> nth=0")
    page.wait_for_url("**/today")
    assert page.locator("h1").inner_text() == "今日"
    page.click(".languages a")
    page.wait_for_url("**lang=en*")


def test_a_name_full_of_markup_runs_nothing(look: Look) -> None:
    looking = look()
    page = looking.page
    page.on("dialog", lambda dialog: looking.complaints.append(f"a dialog said {dialog.message}"))
    looking.open("/at-risk")
    page.click("tbody tr:first-child a.id")
    looking.wait_for_figures()
    assert "<script>" in page.locator("h1").inner_text()
    assert looking.complaints == []


def test_the_paper_shows_content_without_buttons_and_menus(look: Look) -> None:
    page = look().open("/today")
    page.emulate_media(media="print")
    for hidden in (".top", ".skip", "text=See the whole list"):
        assert not page.locator(hidden).first.is_visible()
    assert page.locator("h1").is_visible()
    assert page.locator(".print-only").is_visible()
    page.emulate_media(media="screen")


def test_signing_out_ends_the_visit(look: Look) -> None:
    looking = look("admin")
    page = looking.open("/today")
    page.click("text=Sign out")
    page.wait_for_url("**/sign-in")
    page.goto(f"{looking.address}/today")
    assert page.url.endswith("/sign-in?next=%2Ftoday")
    assert grave_faults(looking) == []

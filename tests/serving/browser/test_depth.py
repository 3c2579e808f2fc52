"""Model, campaigns and data in a real browser, with everything that they can show."""

import json
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext

from serving.pages.doors import SESSION_COOKIE, doors_of
from serving.pages.people import NOBODY
from tests.serving.browser.conftest import PATIENCE_MS, Looking
from tests.serving.browser.test_pages import grave_faults
from tests.serving.pages.deep_rows import deep_tables
from tests.serving.pages.test_data import NODES
from tests.serving.published_shop import PublishedShop, app_of
from warehouse.publish.lineage import LINEAGE_NAME
from warehouse.publish.pointer import snapshots_folder

CARD = "# Model card\n\nA card.\n\n## How good\n\n| measure | value |\n|---|---:|\n| ROC AUC | 0.75 |\n"
PAGES = {
    "/model": ("gain", "lift", "reliability", "distribution", "backtest", "themes", "inputs", "learning"),
    "/model/card": (),
    "/campaigns": ("effect_churned", "effect_net_margin", "funnel"),
    "/data": ("deliveries", "quarantine"),
}
Window = Callable[..., Looking]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, str]]]:
    """Return the address of a server over a deep shop, and the cookie of somebody of each role."""
    shop = PublishedShop(tmp_path_factory.mktemp("deep"))
    run_id = shop.publish(**deep_tables())
    folder = snapshots_folder(shop.settings.warehouse) / run_id
    (folder / LINEAGE_NAME).write_text(json.dumps(NODES))
    shop.settings.warehouse.reports.mkdir()
    (shop.settings.warehouse.reports / "model_card.md").write_text(CARD)
    app = app_of(shop)
    cookies = {}
    for role in ("analyst", "admin"):
        app.state.ledger.set_person(role, role=role, password_hash=NOBODY, by="test")
        doors = doors_of(app)
        cookies[role] = doors.signer.begin(role, NOBODY, now=doors.clock(), hours=1)[1]
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 120
    while not server.started:
        assert time.monotonic() < deadline, "the server did not start"
        time.sleep(0.05)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}", cookies
    server.should_exit = True
    thread.join(30)


@pytest.fixture(scope="module")
def window(browser: Browser, address: tuple[str, dict[str, str]]) -> Iterator[Window]:
    """Return what opens a window of a role, in a language, of a width."""
    where, cookies = address
    contexts: list[BrowserContext] = []

    def open_window(role: str, language: str = "en", width: int = 1280) -> Looking:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, locale={"en": "en-GB", "zh": "zh-CN"}[language]
        )
        context.set_default_timeout(PATIENCE_MS)
        context.add_cookies([{"name": SESSION_COOKIE, "value": cookies[role], "url": where}])
        contexts.append(context)
        looking = Looking(context.new_page(), where)
        looking.page.on(
            "console",
            lambda message: (
                looking.complaints.append(message.text) if message.type in ("error", "warning") else None
            ),
        )
        looking.page.on("pageerror", lambda error: looking.complaints.append(str(error)))
        return looking

    yield open_window
    for context in contexts:
        context.close()


@pytest.mark.parametrize(("role", "language"), [("admin", "en"), ("analyst", "zh")])
def test_pages_with_all_their_figures_load_without_complaint_and_keep_nobody_out(
    window: Window, role: str, language: str
) -> None:
    looking = window(role, language)
    for path, plots in PAGES.items():
        page = looking.open(path)
        shown = plots if role == "admin" else [name for name in plots if name != "funnel"]
        for name in shown:
            assert page.locator(f"#plot-{name} [data-drawn] svg").first.is_visible(), f"{path}: {name}"
        assert looking.complaints == [], path
        assert grave_faults(looking) == [], path
        # axe puts a style of its own into the page, which our policy forbids
        looking.complaints.clear()


def test_a_phone_shows_them_without_scrolling_sideways(window: Window) -> None:
    looking = window("admin", width=390)
    for path in PAGES:
        page = looking.open(path)
        sizes = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        assert sizes[0] <= sizes[1], path


def test_another_table_is_followed_back_and_the_list_opens_with_the_keyboard(window: Window) -> None:
    page = window("admin").open("/data")
    page.select_option("#table", "user_risk_tiers_history")
    page.click("main form button[type=submit]")
    page.wait_for_url("**/data?table=user_risk_tiers_history")
    branch = page.locator(".tree details details").first
    before = branch.get_attribute("open")
    branch.locator("summary").first.focus()
    page.keyboard.press("Enter")
    assert branch.get_attribute("open") != before

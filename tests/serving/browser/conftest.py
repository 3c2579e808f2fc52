"""A real server over a published shop, and a real Chromium that looks at it."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from serving.app import create_app
from serving.pages.people import password_hash
from tests.serving.published_shop import PublishedShop, alert

CHROMIUM = Path("/usr/bin/chromium")
PASSWORD = "correct horse battery"
#: A machine that does other things as well may take its time.
PATIENCE_MS = 60_000


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if CHROMIUM.exists():
        return
    skip = pytest.mark.skip(reason=f"there is no {CHROMIUM}: make browser")
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(skip)


@dataclass
class Looking:
    """A page in the browser, and everything that its console complained about."""

    page: Page
    address: str
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str) -> Page:
        """Go to a page and wait until its figures are drawn."""
        answer = self.page.goto(f"{self.address}{path}")
        assert answer is not None
        assert answer.ok, f"{path}: {answer.status}"
        self.wait_for_figures()
        return self.page

    def wait_for_figures(self) -> None:
        """Wait until every figure of the page is drawn."""
        expect(self.page.locator("[data-plot]:not([data-drawn])")).to_have_count(0, timeout=PATIENCE_MS)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a server on this machine."""
    shop = PublishedShop(tmp_path_factory.mktemp("served"))
    shop.publish(users=60, risk_alerts=[alert(2, "r"), alert(4, "r", alert_kind="complaint")])
    app = create_app(shop.settings)
    for role in ("analyst", "marketer", "admin"):
        app.state.ledger.set_person(
            role, role=role, password_hash=password_hash(PASSWORD), language="", by="test"
        )
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", ws="none", proxy_headers=False)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 60
    while not server.started:
        assert time.monotonic() < deadline, "the server did not start"
        time.sleep(0.05)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(30)


# ended with its file: Playwright keeps an event loop running, in which others could not run one of theirs
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # no sandbox of its own: it needs rights that a container has not
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def signed_in(browser: Browser, served: str) -> Iterator[Callable[..., BrowserContext]]:
    """Return what gives a browser window in which somebody of a role is signed in."""
    contexts: dict[tuple[object, ...], BrowserContext] = {}

    def window(
        role: str = "marketer",
        language: str = "en",
        *,
        width: int = 1280,
        script: bool = True,
        dark: bool = False,
    ) -> BrowserContext:
        key = (role, language, width, script, dark)
        if key not in contexts:
            context = browser.new_context(
                viewport={"width": width, "height": 900},
                locale={"en": "en-GB", "zh": "zh-CN"}[language],
                java_script_enabled=script,
                color_scheme="dark" if dark else "light",
            )
            context.set_default_timeout(PATIENCE_MS)
            page = context.new_page()
            page.goto(f"{served}/sign-in")
            page.fill("#person", role)
            page.fill("#password", PASSWORD)
            page.click("main button[type=submit]")
            page.wait_for_url(f"{served}/today")
            page.close()
            contexts[key] = context
        return contexts[key]

    yield window
    for context in contexts.values():
        context.close()


@pytest.fixture
def look(served: str, signed_in: Callable[..., BrowserContext]) -> Iterator[Callable[..., Looking]]:
    """Return what opens a page in a window and listens to its console."""
    pages: list[Page] = []

    def begin(*arguments: object, **named: object) -> Looking:
        page = signed_in(*arguments, **named).new_page()
        pages.append(page)
        looking = Looking(page, served)
        page.on(
            "console",
            lambda message: looking.complaints.append(message.text) if message.type == "error" else None,
        )
        page.on("pageerror", lambda error: looking.complaints.append(str(error)))
        return looking

    yield begin
    for page in pages:
        page.close()


# Fonts and caches of the browser stay in the test's own folder where a home is not writable.
os.environ.setdefault("XDG_CACHE_HOME", "/tmp")  # noqa: S108  the browser makes a folder of its own

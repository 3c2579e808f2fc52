"""Take the pictures of the pages that the documents show.

    python -m tests.serving.browser.screenshots --home data --to docs/images

Looks at what is published in a home, as somebody who exists for the pictures only: the home's ledger is not
touched, and pseudonyms and sessions are made with a key that is thrown away.
"""

import argparse
import io
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from PIL import Image
from playwright.sync_api import Browser, expect, sync_playwright

from serving.app import create_app
from serving.pages.doors import SESSION_COOKIE, doors_of
from serving.pages.people import NOBODY
from serving.settings import ServingSettings
from warehouse.settings import Settings

CHROMIUM = "/usr/bin/chromium"
LARGEST_BYTES = 300_000
PEOPLE = {"marketer": "mei.chen", "analyst": "li.wei"}
#: The user who is shown is the first of these: somebody with a year to look at.
WHO = "/at-risk?tier=high&sort=net_amount_365d"


@dataclass(frozen=True)
class Picture:
    """One picture: which page, for whom, in which window.

    Attributes
    ----------
    name : str
        The file, without its ending.
    path : str
        The page; ``{user}`` is the first user of `WHO`.
    width, height : int
        Of the window; what is below it is cut off.
    """

    name: str
    path: str
    width: int = 1280
    height: int = 1000
    role: str = "marketer"
    language: str = "en"
    is_dark: bool = False


PICTURES = (
    Picture("today", "/today", height=1180),
    Picture("at-risk-list", "/at-risk", height=860),
    Picture("user", "/users?id={user}", height=1190),
    Picture("model", "/model", height=1180),
    Picture("campaigns", "/campaigns", height=1180),
    Picture("data", "/data", height=1180),
    Picture("today-chinese-dark", "/today", height=900, language="zh", is_dark=True),
    Picture("phone", "/at-risk?tier=high", width=390, height=844, role="analyst"),
)


@contextmanager
def served(home: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Serve a home's published folder; yields the address and a session's cookie per role."""
    with tempfile.TemporaryDirectory(prefix="holdfast-pictures-") as folder:
        own = Path(folder)
        (own / "published").symlink_to(home.resolve() / "published")
        (own / "reports").symlink_to(home.resolve() / "reports")
        warehouse = Settings.from_environment({"HOLDFAST_HOME": folder})
        app = create_app(ServingSettings(warehouse, stale_hours=24 * 366))
        cookies = {}
        for role in sorted({picture.role for picture in PICTURES}):
            person = PEOPLE[role]
            app.state.ledger.set_person(person, role=role, password_hash=NOBODY, by="pictures")
            doors = doors_of(app)
            _, cookies[role] = doors.signer.begin(person, NOBODY, now=doors.clock(), hours=1)
        config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", ws="none")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            if not thread.is_alive():
                raise SystemExit("the server did not start: its message is above")
            time.sleep(0.05)
        try:
            yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}", cookies
        finally:
            server.should_exit = True
            thread.join(30)


def take(browser: Browser, address: str, cookies: dict[str, str], picture: Picture) -> bytes:
    """Return a picture as a small PNG."""
    context = browser.new_context(
        viewport={"width": picture.width, "height": picture.height},
        locale={"en": "en-GB", "zh": "zh-CN"}[picture.language],
        color_scheme="dark" if picture.is_dark else "light",
    )
    context.set_default_timeout(120_000)
    context.add_cookies([{"name": SESSION_COOKIE, "value": cookies[picture.role], "url": address}])
    page = context.new_page()
    path = picture.path
    if "{user}" in path:
        page.goto(f"{address}{WHO}")
        path = path.format(user=page.locator("tbody a.id").first.inner_text())
    answer = page.goto(f"{address}{path}")
    if answer is None or not answer.ok:
        raise SystemExit(f"{path} cannot be shown: {answer and answer.status}")
    expect(page.locator("[data-plot]:not([data-drawn])")).to_have_count(0, timeout=120_000)
    image = Image.open(io.BytesIO(page.screenshot()))
    context.close()
    small = io.BytesIO()
    # without the alpha that no page has
    image.convert("RGB").save(small, "PNG", optimize=True)
    return small.getvalue()


def main(arguments: Sequence[str] | None = None) -> int:
    """Take every picture, or those that are named."""
    parser = argparse.ArgumentParser(prog="python -m tests.serving.browser.screenshots", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="a home in which a day is published")
    parser.add_argument("--to", type=Path, required=True, help="the folder for the pictures")
    parser.add_argument("--only", nargs="*", default=[], choices=[one.name for one in PICTURES])
    asked = parser.parse_args(arguments)
    asked.to.mkdir(parents=True, exist_ok=True)
    with served(asked.home) as (address, cookies), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for picture in PICTURES:
            if asked.only and picture.name not in asked.only:
                continue
            content = take(browser, address, cookies, picture)
            if len(content) > LARGEST_BYTES:
                raise SystemExit(f"{picture.name}.png would have {len(content):,} bytes: make it smaller")
            (asked.to / f"{picture.name}.png").write_bytes(content)
            sys.stdout.write(f"{picture.name}.png {len(content):,} bytes\n")
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())

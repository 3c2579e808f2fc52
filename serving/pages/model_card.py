"""The model card, which training writes in Markdown, as part of a page.

Nothing in it is taken for HTML, links lead into the card only, and of pictures the card's own are shown.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup, escape

CARD_NAME = "model_card.md"
PICTURES = "model_card"
PICTURE_NAME = re.compile(r"[a-z0-9_]{1,60}\.png")
MOST_BYTES = 2_000_000


@dataclass(frozen=True)
class Card:
    """The card: its title and the rest of it as HTML."""

    title: str
    body: Markup


def card_of(reports: Path, address: Callable[[str], str] = str) -> Card | None:
    """Return the newest card, or None where no training has written one.

    Parameters
    ----------
    reports : Path
        The folder of reports.
    address : callable
        Returns the address at which a picture is sent.
    """
    path = reports / CARD_NAME
    if not path.is_file() or path.stat().st_size > MOST_BYTES:
        return None
    return drawn(path.read_text(encoding="utf-8"), address)


def drawn(markdown: str, address: Callable[[str], str] = str) -> Card:
    """Return Markdown as a card whose headings stand below a page's own."""
    first, _, rest = markdown.lstrip().partition("\n")
    title = first.removeprefix("# ").strip() if first.startswith("# ") else ""
    reader = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable("table")
    reader.validateLink = lambda url: PICTURE_NAME.fullmatch(PurePosixPath(url).name) is not None  # type: ignore[method-assign]
    tokens = reader.parse(rest if title else markdown)
    heading = title
    for number, token in enumerate(tokens):
        if token.type in ("th_open", "td_open") and token.attrs.pop("style", ""):
            # what is aligned to the right is a number, and styles in the page are forbidden
            token.attrSet("class", "number")
        elif token.type == "heading_open":
            heading = tokens[number + 1].content
        elif token.type == "table_open":
            token.attrSet("aria-label", heading)
        for child in token.children or ():
            if child.type == "image":
                child.attrSet("src", address(PurePosixPath(str(child.attrGet("src"))).name))
                child.attrSet("loading", "lazy")
    reader.add_render_rule("table_open", _open_table)
    reader.add_render_rule("table_close", _close_table)
    html = reader.renderer.render(tokens, reader.options, {})
    return Card(title, Markup(html))  # noqa: S704  html is off: every text in it was escaped


def _open_table(_: RendererHTML, tokens: Sequence[Token], index: int, *_more: object) -> str:
    # wider than a phone, it scrolls by itself
    label = escape(str(tokens[index].attrGet("aria-label") or ""))
    return f'<div class="table-wrap" role="region" tabindex="0" aria-label="{label} {index}"><table>\n'


def _close_table(*_: object) -> str:
    return "</table></div>\n"


def picture_of(reports: Path, name: str) -> bytes | None:
    """Return a picture of the card; None where there is none of that name."""
    if not PICTURE_NAME.fullmatch(name):
        return None
    path = reports / PICTURES / name
    return path.read_bytes() if path.is_file() and not path.is_symlink() else None

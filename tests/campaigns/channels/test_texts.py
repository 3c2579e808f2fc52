"""The words: every action in both languages, what is put in escaped, nothing left open."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from campaigns.channels.texts import ACTIONS, FOLDER, LANGUAGES, Frame, render_html, render_text
from tests.campaigns.channels.makers import CANARY, COUPON, message
from warehouse.errors import ContractBreach

FRAME = Frame("Lamps & More", "https://shop.example/?a=1&b=2", "https://shop.example/unsubscribe?token=t.m")
EVERY = [(action, language) for action in ACTIONS for language in LANGUAGES]
TEXTS = ["email.txt", "sms.txt", "push.txt"]
CHINESE = re.compile(r"[\u4e00-\u9fff]")


class Reader(HTMLParser):
    """Reads a page as a mail program would: its tags must close, its words and links are kept."""

    VOID = ("meta", "br", "img", "input")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.words: list[str] = []
        self.links: list[str] = []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name == "href"]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.mark.parametrize(("action", "language"), EVERY)
@pytest.mark.parametrize("payload", [COUPON, {"coupon_code": "AB12CD34"}], ids=["full", "bare"])
def test_every_text_reads_whole(action: str, language: str, payload: dict[str, Any]) -> None:
    sent = message(action=action, language=language, payload=payload)
    for kind in TEXTS:
        text = render_text(sent, kind, FRAME)
        assert text.title and text.body
        assert "\n" not in text.title
        assert not re.search(r"[{}]|None|  |,\.|，。", f"{text.title}\n{text.body}"), text
        assert bool(CHINESE.search(text.title + text.body)) == (language == "zh")
        assert ("AB12CD34" in text.body) == (action == "coupon")
        assert (FRAME.unsubscribe_link in text.body) == (kind != "push.txt")
    page = Reader(render_html(sent, FRAME))
    assert page.links == [FRAME.shop_link, FRAME.unsubscribe_link]
    assert bool(CHINESE.search("".join(page.words))) == (language == "zh")
    assert ("AB12CD34" in "".join(page.words)) == (action == "coupon")
    assert not re.search(r"[{}]|None", "".join(page.words))


@pytest.mark.parametrize(("action", "language"), EVERY)
def test_values_stay_values(action: str, language: str) -> None:
    evil = '<script>alert("x")</script>{{ 7 * 7 }}{% raw %}&amp;\u202e'
    payload = {
        **COUPON,
        "title": evil,
        "text": evil,
        "coupon_code": evil,
        "products": [evil, {"brand": evil}],
    }
    sent = message(action=action, language=language, payload=payload)
    page = render_html(sent, Frame(evil, FRAME.shop_link, FRAME.unsubscribe_link))
    read = Reader(page)
    assert "script" not in read.tags
    words = "".join(read.words)
    assert '<script>alert("x")</script>{{ 7 * 7 }}{% raw %}&amp;' in words
    assert "\u202e" not in words and "49" not in words
    assert "{{ 7 * 7 }}" in render_text(sent, "email.txt", FRAME).title


def test_an_offers_own_words_are_used_in_the_users_language_and_filled_in() -> None:
    offer = {
        **COUPON,
        "title_en": "Thank you",
        "title_zh": "谢谢",
        "text_en": "Save {face_value} from {minimum_order_amount} with {coupon_code} to {expires_on}. {x}",
        "text_zh": "满 {minimum_order_amount} 减 {face_value}，{coupon_code}，至 {expires_on}。",
    }
    english, chinese = (
        render_text(message(language=language, payload=offer), "email.txt", FRAME) for language in LANGUAGES
    )
    assert (english.title, chinese.title) == ("Thank you", "谢谢")
    assert "Save ¥20 from ¥100 with AB12CD34 to 14 July 2026. {x}" in english.body
    assert "满 ¥100 减 ¥20，AB12CD34，至 2026年7月14日。" in chinese.body


@pytest.mark.parametrize(
    ("language", "written_in"), [("zh-CN", "zh"), ("ZH_TW", "zh"), ("fr", "en"), ("", "en"), ("en-GB", "en")]
)
def test_a_language_without_texts_is_written_in_english(language: str, written_in: str) -> None:
    text = render_text(message(language=language), "email.txt", FRAME)
    assert bool(CHINESE.search(text.body)) == (written_in == "zh")


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        (20, "CNY", "¥20"),
        ("12.50", "EUR", "€12.50"),
        (1200, "SEK", "1,200 SEK"),
        (0, "CNY", ""),
        ("nan", "CNY", ""),
        (None, "CNY", ""),
    ],
)
def test_amounts_are_written_for_people(amount: object, currency: str, shown: str) -> None:
    payload = {**COUPON, "face_value": amount, "currency": currency, "text": "[{face_value}]"}
    assert f"[{shown}]" in render_text(message(payload=payload), "push.txt", FRAME).body


def test_a_product_without_a_name_is_called_by_brand_and_category_or_its_id() -> None:
    products = [
        {"product_id": "P-1", "name": "Lamp"},
        {"product_id": "P-2", "brand": "Acme"},
        {"product_id": "P-3"},
    ]
    body = render_text(
        message(action="recommendation", payload={"products": products}), "email.txt", FRAME
    ).body
    assert "* Lamp\n* Acme\n* P-3" in body


@pytest.mark.parametrize(
    "payload",
    [{}, {**COUPON, "expires_on": CANARY}, {**COUPON, "face_value": CANARY}, {**COUPON, "products": 5}],
    ids=["no code", "no day", "no amount", "no products"],
)
def test_a_payload_that_cannot_be_used_is_refused_without_its_values(payload: dict[str, Any]) -> None:
    with pytest.raises(ContractBreach) as caught:
        render_text(message(payload=payload), "email.txt", FRAME)
    assert CANARY not in str(caught.value)


def test_an_unknown_action_cannot_name_a_file() -> None:
    with pytest.raises(ContractBreach, match="no email text"):
        render_text(message(action="../../warehouse/settings"), "email.txt", FRAME)


def test_no_text_is_left_over_and_none_is_missing() -> None:
    wanted = {f"{action}.{language}.{kind}" for action, language in EVERY for kind in (*TEXTS, "email.html")}
    wanted |= {f"talking_points.{language}.txt" for language in LANGUAGES}
    parts = {"layout.email.html", "footer.email.txt", "products.email.html", "coupon_box.email.html"}
    assert {path.name for path in Path(FOLDER).iterdir()} == wanted | parts

"""Everything that pages say is there in both languages."""

import re
from datetime import date, timedelta
from pathlib import Path

import pytest

from serving.pages.frame import NAVIGATION, TEMPLATES
from serving.pages.language import LANGUAGES, MissingText, Words, catalogue, language_asked_for
from serving.pages.viewers import ROLES

PAGES = TEMPLATES.parent
# t('key'), words("key") and frame.words("key"); keys that are put together end at the gap
ASKED = re.compile(r"""\b(?:t|words|frame\.words|self)\(\s*['"]([a-z_]+\.[a-z0-9_.]+)['"]\s*(~)?""")
JOINED = re.compile(r"""\b(?:t|words|frame\.words)\(\s*f["']([a-z_]+\.[a-z0-9_.]*)\{""")


def sources() -> list[Path]:
    return [*TEMPLATES.glob("*.html"), *PAGES.glob("*.py")]


def test_every_text_that_a_page_asks_for_is_in_the_catalogue() -> None:
    asked, beginnings = set(), set()
    for path in sources():
        text = path.read_text(encoding="utf-8")
        for key, joined in ASKED.findall(text):
            (beginnings if joined else asked).add(key)
        beginnings |= set(JOINED.findall(text))
    assert {"frame.skip", "today.lead", "at_risk.empty"} <= asked
    assert not {key for key in asked if key not in catalogue()}
    assert not {start for start in beginnings if not any(key.startswith(start) for key in catalogue())}


def test_every_page_of_the_navigation_and_every_role_has_its_name() -> None:
    for place in NAVIGATION:
        assert f"page.{place.name}" in catalogue()
    for role in ROLES:
        assert f"word.role.{role}" in catalogue()


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_empty_and_gaps_are_the_same_in_both_languages(language: str) -> None:
    assert len(catalogue()) > 200
    for key, texts in catalogue().items():
        assert texts[language].strip(), key
        gaps = {frozenset(re.findall(r"\{(\w+)\}", text)) for text in texts.values()}
        assert len(gaps) == 1, f"{key} has other gaps in one language than in the other"


def test_what_is_said_in_chinese_is_chinese() -> None:
    # gaps aside, what has no letters is the same everywhere: {spent} / {budget}
    plain = {key: re.sub(r"\{\w+\}", "", texts["zh"]) for key, texts in catalogue().items()}
    same = {key for key, texts in catalogue().items() if texts["en"] == texts["zh"]}
    # names of formats and of the product
    assert len(same) < 40, sorted(same)
    for key in catalogue().keys() - same:
        if re.search(r"\w", plain[key]):
            assert re.search(r"[\u3000-\u9fff\uff00-\uffef]", plain[key]), key


def test_a_catalogue_without_a_language_is_refused(tmp_path: Path) -> None:
    (tmp_path / "page.yml").write_text('page.title: {en: "Title"}\n')
    with pytest.raises(MissingText, match=r"en and zh.*page\.title"):
        catalogue(tmp_path)


def test_a_text_that_is_said_twice_is_refused(tmp_path: Path) -> None:
    for name in ("a.yml", "b.yml"):
        (tmp_path / name).write_text('page.title: {en: "Title", zh: "标题"}\n')
    with pytest.raises(MissingText, match="says again"):
        catalogue(tmp_path)


def test_a_key_that_is_not_there_fails_loudly() -> None:
    with pytest.raises(MissingText, match=r"no\.such"):
        Words()("no.such")


@pytest.mark.parametrize(
    ("parameter", "cookie", "accepted", "expected"),
    [
        ("zh", "en", "en", "zh"),
        (None, "zh", "en", "zh"),
        (None, None, "zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        (None, None, "de-DE,de;q=0.9", "en"),
        ("klingon", "../../x", None, "en"),
    ],
)
def test_the_language_is_the_addresses_then_the_cookies_then_the_browsers(
    parameter: str | None, cookie: str | None, accepted: str | None, expected: str
) -> None:
    assert language_asked_for(parameter, cookie, accepted) == expected


def test_numbers_are_written_for_reading() -> None:
    words = Words("en", "CNY")
    assert words.number(1234567) == "1,234,567"
    assert words.number(-0.5) == "−0.50"
    assert words.number(None) == words.number(float("nan")) == words.day(None) == "–"
    assert [words.change(value) for value in (3, -3, 0)] == ["+3", "−3", "±0"]
    assert words.money(1234.5) == "1,234\u00a0CNY"
    assert Words("zh").percent(0.1234) == "12.3%"


def test_days_and_ages_follow_the_language() -> None:
    day = date(2026, 6, 30)
    assert Words("en").day(day) == "30 June 2026"
    assert Words("zh").day(day) == "2026年6月30日"
    assert Words("en").age(timedelta(minutes=1)) == "1 minute ago"
    assert Words("en").age(timedelta(hours=47)) == "47 hours ago"
    assert Words("zh").age(timedelta(days=3)) == "3 天前"

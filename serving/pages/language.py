"""What pages say: one catalogue of texts in English and Chinese, and how numbers and days are written.

The catalogue is the folder ``texts/``: one YAML file per page, every key in both languages. A page that asks
for a key that is not there fails loudly, and a test asks for all of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from warehouse.errors import HoldfastError

TEXTS = Path(__file__).parent / "texts"
#: The languages of the pages and what each calls itself.
LANGUAGES: Mapping[str, str] = {"en": "English", "zh": "中文"}
DEFAULT_LANGUAGE = "en"

_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)  # fmt: skip


class MissingText(HoldfastError):
    """The catalogue lacks a text that a page needs."""


@cache
def catalogue(folder: Path = TEXTS) -> Mapping[str, Mapping[str, str]]:
    """Return every text by key and language.

    Raises
    ------
    MissingText
        If a key stands in two files or lacks a language.
    """
    texts: dict[str, Mapping[str, str]] = {}
    for path in sorted(folder.glob("*.yml")):
        for key, by_language in (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).items():
            if key in texts:
                raise MissingText(
                    f"{path.name} says again what another file says", key, "keep one of the two"
                )
            if not isinstance(by_language, dict) or set(by_language) != set(LANGUAGES):
                raise MissingText(
                    f"{path.name} must say this in {' and '.join(LANGUAGES)}", key, "write the missing text"
                )
            texts[key] = by_language
    return texts


def language_asked_for(parameter: str | None, cookie: str | None, accepted: str | None) -> str:
    """Return the language of an answer: as the address says, else the cookie, else the browser."""
    for asked in (parameter, cookie):
        if asked is not None and asked in LANGUAGES:
            return asked
    for part in (accepted or "").split(","):
        tag = part.split(";")[0].strip().lower().split("-")[0]
        if tag in LANGUAGES:
            return tag
    return DEFAULT_LANGUAGE


@dataclass(frozen=True)
class Words:
    """Everything that a page says, in one language.

    Parameters
    ----------
    language : {"en", "zh"}
        The language.
    currency : str, optional
        ISO code of the shop's currency; amounts carry it.
    """

    language: str = DEFAULT_LANGUAGE
    currency: str = ""

    def __call__(self, key: str, **values: object) -> str:
        """Return a text with its gaps filled.

        A text of two parts, split by ``|``, is for one and for many: ``count`` decides.

        Raises
        ------
        MissingText
            If the catalogue has no such key.
        """
        found = catalogue().get(key)
        if found is None:
            raise MissingText(
                "The pages' catalogue has no such text", key, "add it under serving/pages/texts/"
            )
        text = found[self.language]
        if "|" in text:
            one, many = text.split("|", maxsplit=1)
            text = one if values.get("count") == 1 else many
        shown = {
            name: self.number(value)
            if isinstance(value, int | float) and not isinstance(value, bool)
            else value
            for name, value in values.items()
        }
        return text.format(**shown) if shown else text

    def has(self, key: str) -> bool:
        """Say whether the catalogue has a text."""
        return key in catalogue()

    def word(self, kind: str, value: object) -> str:
        """Return what people call a value of a column, or the value itself where the catalogue knows none.

        Shops add campaigns, reasons and gates of their own: those speak for themselves.
        """
        if value is None or value == "":
            return "–"
        found = catalogue().get(f"word.{kind}.{value}")
        return found[self.language] if found else str(value)

    def said(self, row: Mapping[str, Any], column: str) -> str:
        """Return the text of a published column that has one per language, such as ``reason_1_sentence``."""
        return str(row.get(f"{column}_{self.language}") or row.get(f"{column}_{DEFAULT_LANGUAGE}") or "")

    def number(self, value: float | int | None, digits: int | None = None) -> str:
        """Return a number with thousands set apart; – where there is none."""
        if value is None or value != value:  # noqa: PLR0124  NaN is the one value that differs from itself
            return "–"
        if digits is None:
            digits = 0 if float(value).is_integer() else 2
        return f"{value:,.{digits}f}".replace("-", "−")

    def change(self, value: float | int | None, digits: int = 0) -> str:
        """Return a difference with its sign."""
        if value is None or value != value:  # noqa: PLR0124  as above
            return "–"
        if round(value, digits) == 0:
            return "±0"
        return ("+" if value > 0 else "") + self.number(value, digits)

    def percent(self, share: float | None, digits: int = 1) -> str:
        """Return a share of 1 as per cent."""
        if share is None or share != share:  # noqa: PLR0124  as above
            return "–"
        space = "" if self.language == "zh" else "\u202f"
        return f"{self.number(share * 100, digits)}{space}%"

    def money(self, amount: float | None, digits: int = 0) -> str:
        """Return an amount in the shop's currency."""
        if amount is None or amount != amount:  # noqa: PLR0124  as above
            return "–"
        return f"{self.number(amount, digits)}\u00a0{self.currency}".rstrip()

    def day(self, day: date | None) -> str:
        """Return a day as people write it."""
        if day is None:
            return "–"
        if self.language == "zh":
            return f"{day.year}年{day.month}月{day.day}日"
        return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"

    def short_day(self, day: date | None) -> str:
        """Return a day for a table's column."""
        return "–" if day is None else f"{day:%Y-%m-%d}"

    def moment(self, moment: datetime | None) -> str:
        """Return a moment to the minute, in UTC."""
        return "–" if moment is None else f"{moment:%Y-%m-%d %H:%M} UTC"

    def age(self, age: timedelta) -> str:
        """Return how long ago, in the largest unit that says enough."""
        minutes = max(0, int(age.total_seconds() // 60))
        if minutes < 60:
            return self("frame.age_minutes", count=minutes)
        if minutes < 48 * 60:
            return self("frame.age_hours", count=minutes // 60)
        return self("frame.age_days", count=minutes // (24 * 60))

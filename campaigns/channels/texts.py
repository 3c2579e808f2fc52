"""The words of a message: templates of campaigns/texts/, one per action, language and kind of text.

Values are put into templates and never read as templates; in HTML they are escaped. The first line of a text
is its subject (e-mail) or title (push), the rest after an empty line its body.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import (
    Environment,
    FileSystemLoader,
    StrictUndefined,
    TemplateError,
    TemplateNotFound,
    select_autoescape,
)

from campaigns.channels.channel import Message
from warehouse.errors import ContractBreach

FOLDER = Path(__file__).resolve().parent.parent / "texts"
LANGUAGES = ("en", "zh")
ACTIONS = ("recommendation", "coupon", "education", "community")
MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
#: What the words of an offer may name.
PLACE = re.compile(r"\{(coupon_code|face_value|minimum_order_amount|expires_on)\}")
LONGEST_VALUE = 2000
MOST_PRODUCTS = 10
CURRENCY_SIGNS = {"CNY": "¥", "EUR": "€", "GBP": "£", "JPY": "JP¥", "USD": "$"}


@dataclass(frozen=True)
class Text:
    """One text: its first line, and what follows."""

    title: str
    body: str


@dataclass(frozen=True)
class Frame:
    """What is around every message: the shop's name, its address, and where to unsubscribe."""

    shop_name: str
    shop_link: str = ""
    unsubscribe_link: str = ""


def language_of(message: Message) -> str:
    """Return the language that a message is written in: the user's if there are texts in it, else English."""
    wanted = message.language.lower().replace("_", "-").partition("-")[0]
    return wanted if wanted in LANGUAGES else "en"


def render_text(message: Message, kind: str, frame: Frame) -> Text:
    """Return a text without markup.

    Parameters
    ----------
    message : Message
        The message; its payload is what is put in.
    kind : str
        `email.txt`, `sms.txt` or `push.txt`.
    frame : Frame
        What is around it.

    Raises
    ------
    ContractBreach
        If there is no such text, or the payload lacks what it must name. Names no value.
    """
    first, _, rest = _rendered(message, kind, frame).strip().partition("\n")
    return Text(one_line(first), re.sub(r"\n{3,}", "\n\n", rest.strip()))


def render_html(message: Message, frame: Frame) -> str:
    """Return the e-mail's HTML; everything that was put in is escaped.

    Raises
    ------
    ContractBreach
        If there is no such text, or the payload lacks what it must name. Names no value.
    """
    return _rendered(message, "email.html", frame).strip() + "\n"


def talking_points(message: Message, language: str) -> list[str]:
    """Return what to say in a call, point by point, in one language whatever the user's is.

    Raises
    ------
    ContractBreach
        If the payload cannot be used. Names no value.
    """
    said = replace(message, language=language)
    lines = _made(f"talking_points.{language}.txt", said, Frame("")).splitlines()
    return [one_line(line) for line in lines if line.strip()]


def one_line(text: str) -> str:
    """Return a text on one line, without control characters: nothing can be smuggled into a header."""
    return " ".join(_printable(text.replace("\n", " ")).split())


def _rendered(message: Message, kind: str, frame: Frame) -> str:
    name = f"{message.action}.{language_of(message)}.{kind}"
    if message.action not in ACTIONS:
        raise ContractBreach(
            f"There is no {message.channel} text for the action",
            message.action,
            f"use one of {', '.join(ACTIONS)}",
        )
    if message.action == "coupon" and not message.payload.get("coupon_code"):
        raise ContractBreach(
            "A coupon is announced without its code", sorted(message.payload), "issue it first"
        )
    return _made(name, message, frame)


def _made(name: str, message: Message, frame: Frame) -> str:
    try:
        return _environment().get_template(name).render(_values(message, frame))
    except TemplateNotFound as error:
        raise ContractBreach("A text is missing from campaigns/texts", error.name, "write it") from None
    except (TemplateError, TypeError, ValueError, ArithmeticError) as error:
        # the words of the error may hold a value of the payload
        raise ContractBreach(
            f"The text {name} cannot be made from the payload ({type(error).__name__})",
            sorted(message.payload),
            "look at the keys of the payload, or at the template",
        ) from None


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=select_autoescape(enabled_extensions=("html",), default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _values(message: Message, frame: Frame) -> dict[str, Any]:
    """Return everything that a template may name; empty where the payload does not say."""
    payload, language = message.payload, language_of(message)

    def said(key: str) -> str:
        return _clean(payload.get(f"{key}_{language}") or payload.get(key))

    products = payload.get("products") or ()
    currency = _clean(payload.get("currency"))
    facts = {
        "coupon_code": one_line(said("coupon_code")),
        "face_value": money(payload.get("face_value"), currency),
        "minimum_order_amount": money(payload.get("minimum_order_amount"), currency),
        "expires_on": day(payload.get("expires_on"), language),
    }
    return facts | {
        "language": language,
        "shop_name": one_line(frame.shop_name),
        "shop_link": frame.shop_link,
        "unsubscribe_link": frame.unsubscribe_link,
        "title": one_line(_filled(said("title"), facts)),
        "text": _filled(said("text"), facts),
        "trigger_code": _clean(payload.get("trigger_code")),
        "products": [_product(product) for product in list(products)[:MOST_PRODUCTS]],
    }


def _filled(text: str, facts: Mapping[str, str]) -> str:
    """Return an offer's words with `{coupon_code}` and the like filled in; any other brace stays as it is."""
    return PLACE.sub(lambda found: facts[found[1]], text)


def money(amount: object, currency: str) -> str:
    """Return an amount for people, without needless decimals; empty for none or for nothing."""
    if amount is None or amount == "":
        return ""
    try:
        number = Decimal(str(amount))
    except InvalidOperation:
        raise ContractBreach("An amount of the payload is no number", None, "look at the offer") from None
    if not number.is_finite() or number <= 0:
        return ""
    digits = f"{number:,.0f}" if number == number.to_integral_value() else f"{number:,.2f}"
    sign = CURRENCY_SIGNS.get(currency.upper())
    return f"{sign}{digits}" if sign else f"{digits} {currency}".strip()


def day(value: object, language: str) -> str:
    """Return a day for people; empty for none."""
    if value is None or value == "":
        return ""
    found = value if isinstance(value, date) else date.fromisoformat(str(value)[:10])
    if language == "zh":
        return f"{found.year}年{found.month}月{found.day}日"
    return f"{found.day} {MONTHS[found.month - 1]} {found.year}"


def _product(product: object) -> str:
    """Return how a product is named: by its name, else by brand and category, else by its id."""
    if not isinstance(product, Mapping):
        return one_line(_clean(product))
    named = product.get("name") or " ".join(
        str(product[key]) for key in ("brand", "category") if product.get(key)
    )
    return one_line(_clean(named or product.get("product_id")))


def _clean(value: object) -> str:
    return _printable("" if value is None else str(value))[:LONGEST_VALUE]


def _printable(text: str) -> str:
    """Drop control and format characters (bidi overrides among them); line breaks and joined emoji stay."""
    if text.isprintable():
        return text
    return "".join(
        letter
        for letter in re.sub(r"[\t\r\v\f]+", " ", text)
        if letter in "\n\u200d" or unicodedata.category(letter) not in ("Cc", "Cf", "Cs")
    )

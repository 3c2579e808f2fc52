"""What users say and what they are told: reviews and support conversations.

The rows carry only numbers (what happened, which luck); ``review_texts`` and ``message_texts`` turn them
into sentences when the files are written.
"""

from collections.abc import Sequence

import numpy as np

from sample_shop import phrases
from sample_shop.catalogue import PER_CATEGORY
from sample_shop.chance import Chance, Columns, Ints
from sample_shop.clock import DAY
from sample_shop.people import LANGUAGES, People
from sample_shop.service import TOPICS

ASK, REPLY, THANK, CHASE = range(4)
# what a review can speak of, as bits
ASPECTS = ("late", "out_of_stock", "defect", "unanswered", "answered")


def review_rows(chance: Chance, people: People, orders: Columns, number: Ints, product: Ints) -> Columns:
    """Make the rows of reviews of paid orders.

    Parameters
    ----------
    number, product : numpy.ndarray
        Each order's number and the product of its first line.
    """
    wrote = orders["reviewed"] >= 0
    orders = {name: values[wrote] for name, values in orders.items()}
    number, user = number[wrote], orders["user"]
    answered = (orders["contacted"] >= 0) & (orders["topic"] > 0) & ~orders["unanswered"]
    flags = [orders["late"], orders["out_of_stock"], orders["defect"], orders["unanswered"], answered]
    day = orders["day"] + orders["reviewed"]
    return {
        "day": day,
        "at": day * DAY + 28_800 + chance.whole("reviewed at", 54_000, number),
        "number": number,
        "user": user,
        "product": product[wrote],
        "rating": orders["rating"],
        "aspects": sum(
            (flag.astype(np.int64) << bit for bit, flag in enumerate(flags)), np.zeros_like(number)
        ),
        "language": people.language[user - (people.number[0] if people.count else 0)],
        "luck": chance.whole("review words", 1 << 40, number),
    }


def message_rows(chance: Chance, people: People, orders: Columns, number: Ints, product: Ints) -> Columns:
    """Make the rows of support_messages: conversations about paid orders.

    An answered conversation is ask, reply and perhaps thanks with a satisfaction of 1 to 5; an
    unanswered one is ask and up to two messages that chase an answer.
    """
    wrote = orders["contacted"] >= 0
    orders = {name: values[wrote] for name, values in orders.items()}
    number, product, topic, unanswered = number[wrote], product[wrote], orders["topic"], orders["unanswered"]
    asked = (orders["day"] + orders["contacted"]) * DAY + 32_400 + chance.whole("asked at", 43_000, number)
    replied = asked + 180 + (-np.log1p(-chance.uniform("reply wait", number)) * 1_500).astype(np.int64)
    replied = np.minimum(replied, asked + 9_000)
    thanked = replied + 60 + chance.whole("thanks wait", 900, number)
    patient = chance.uniform("chases", number)
    score = 4.1 + 0.5 * orders["satisfaction"] - 0.5 * (topic > 0) + 0.6 * chance.normal("score", number)
    scored = np.clip(np.rint(score), 1, 5).astype(np.int64)
    nothing = np.full(len(number), -1)
    steps = [
        (ASK, asked, np.ones(len(number), dtype=np.bool_), nothing),
        (REPLY, replied, ~unanswered, nothing),
        (THANK, thanked, ~unanswered & (chance.uniform("thanks", number) < 0.65), scored),
        (CHASE, asked + DAY - 3_600, unanswered & (patient < 0.75), nothing),
        (CHASE, asked + 2 * DAY - 1_800, unanswered & (patient < 0.35), nothing),
    ]
    pages = []
    for step, (kind, at, happens, satisfaction) in enumerate(steps):
        pages.append(
            {
                "day": at[happens] // DAY,
                "at": at[happens],
                "number": number[happens] * 10 + step,
                "user": orders["user"][happens],
                "kind": np.full(int(happens.sum()), kind),
                "topic": topic[happens],
                "product": product[happens],
                "satisfaction": satisfaction[happens],
                "language": people.language[
                    orders["user"][happens] - (people.number[0] if people.count else 0)
                ],
                "luck": chance.whole("message words", 1 << 40, number[happens] * 10 + step),
            }
        )
    return {name: np.concatenate([page[name] for page in pages]) for name in pages[0]}


def complaint_rows(chance: Chance, people: People, contacts: Columns, number: Ints, at: Ints) -> Columns:
    """Make the rows of support_messages in which users complain of what was delivered to them.

    Parameters
    ----------
    contacts : dict
        As in ``Lives``.
    number, at : numpy.ndarray
        The number of each contact's message, and when it came.
    """
    wrote = contacts["complains"] > 0
    user, number = contacts["user"][wrote], number[wrote]
    return {
        "day": contacts["day"][wrote],
        "at": np.minimum(at[wrote] + 900, (contacts["day"][wrote] + 1) * DAY - 60),
        "number": number * 10,
        "user": user,
        "kind": np.full(len(user), ASK),
        "topic": np.full(len(user), TOPICS.index("unwanted")),
        "product": np.zeros(len(user), dtype=np.int64),
        "satisfaction": np.full(len(user), -1),
        "language": people.language[user - (people.number[0] if people.count else 0)],
        "luck": chance.whole("message words", 1 << 40, number),
    }


def review_texts(rows: Columns) -> list[str]:
    """Write each review in its user's language."""
    texts = []
    for rating, aspects, language, luck, product in zip(
        *(rows[name].tolist() for name in ("rating", "aspects", "language", "luck", "product")), strict=True
    ):
        tongue = LANGUAGES[language]
        happened = phrases.HAPPENED[tongue]
        named = [name for bit, name in enumerate(ASPECTS) if aspects >> bit & 1]
        if not named:
            named = ["fine" if rating > 3 else "plain"]
        closing = phrases.CLOSINGS[tongue][(rating > 2) + (rating > 3)]
        parts = [_one_of(phrases.OPENINGS[tongue][rating - 1], luck)]
        parts += [_one_of(happened[name], luck >> (7 + 5 * i)) for i, name in enumerate(named)]
        parts.append(_one_of(closing, luck >> 34))
        texts.append(_spoken(parts, tongue, product))
    return texts


def message_texts(rows: Columns) -> list[str]:
    """Write each message in its user's language."""
    texts = []
    for kind, topic, language, luck, product in zip(
        *(rows[name].tolist() for name in ("kind", "topic", "language", "luck", "product")), strict=True
    ):
        tongue = LANGUAGES[language]
        said = (phrases.ASKS, phrases.REPLIES, phrases.THANKS, phrases.CHASES)[kind][tongue]
        choices = said[TOPICS[topic]] if isinstance(said, dict) else said
        texts.append(_spoken([_one_of(choices, luck)], tongue, product))
    return texts


def _one_of(choices: Sequence[str], luck: int) -> str:
    return choices[luck % len(choices)]


def _spoken(parts: list[str], tongue: str, product: int) -> str:
    glue = "" if tongue == "zh" else " "
    thing = phrases.THINGS[tongue][product // PER_CATEGORY]
    return glue.join(part for part in parts if part).replace("{thing}", thing)

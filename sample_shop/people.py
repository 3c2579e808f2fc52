"""Who the users are: what the shop knows of them, and what it cannot know."""

from dataclasses import dataclass

import numpy as np

from sample_shop.chance import Chance, Flags, Floats, Ints
from sample_shop.seasons import CATEGORIES
from sample_shop.world import World

RESPONSE_TYPES = ("persuadable", "sure_thing", "lost_cause", "do_not_disturb")
PERSUADABLE, SURE_THING, LOST_CAUSE, DO_NOT_DISTURB = range(4)
CHANNELS = ("search", "social", "referral", "livestream", "marketplace", "email", "offline")
CHANNEL_SHARES = [0.26, 0.22, 0.12, 0.14, 0.16, 0.04, 0.06]
CITIES = (
    ("CN", "Shanghai", "Shanghai"), ("CN", "Zhejiang", "Hangzhou"), ("CN", "Zhejiang", "Ningbo"),
    ("CN", "Jiangsu", "Suzhou"), ("CN", "Guangdong", "Shenzhen"), ("CN", "Guangdong", "Guangzhou"),
    ("CN", "Beijing", "Beijing"), ("CN", "Sichuan", "Chengdu"), ("CN", "Hubei", "Wuhan"),
    ("CN", "Shaanxi", "Xi'an"), ("CN", "Liaoning", "Dalian"), ("CN", "Yunnan", "Kunming"),
    ("CN", "Xinjiang", "Urumqi"), ("SG", "Singapore", "Singapore"), ("MY", "Selangor", "Petaling Jaya"),
)  # fmt: skip
CITY_SHARES = [0.14, 0.09, 0.04, 0.08, 0.10, 0.09, 0.11, 0.08, 0.06, 0.05, 0.04, 0.03, 0.02, 0.04, 0.03]
CITY_REMOTENESS = (0.8, 0.8, 0.9, 0.8, 0.9, 0.9, 0.9, 1.1, 1.0, 1.1, 1.2, 1.5, 1.9, 1.6, 1.7)
PURPOSES = ("email", "sms", "push", "call", "profiling")
PURPOSE_SHARES = (0.72, 0.48, 0.55, 0.20, 0.90)
DEVICES = ("ios_app", "android_app", "mobile_web", "desktop_web", "mini_program")
DEVICE_SHARES = [0.28, 0.34, 0.12, 0.10, 0.16]
LANGUAGES = ("zh", "en")

# What leans a user towards each response type: the logarithm of its weight, columns as in RESPONSE_TYPES.
_LEANS_ALL = (-1.75, -0.3, -1.4, -1.6)
_LEANS_BY_CHANNEL = (
    (-2.0, 0.5, 0.7, 0.2), (4.2, -1.4, -1.2, -1.8), (-1.0, 2.2, -1.4, -0.4), (3.9, -1.6, 0.4, -1.4),
    (-3.5, 0.0, 2.2, 0.0), (0.6, 1.6, -2.2, -0.7), (-2.8, 1.1, 0.0, 2.9),
)  # fmt: skip
_LEANS_BY_DEVICE = (
    (0.6, 0.0, 0.0, -0.7), (0.4, 0.0, 0.0, -0.4), (0.0, 0.0, 0.4, 0.0), (-1.0, 0.2, 0.0, 1.8),
    (-0.5, 0.0, 0.0, 1.0),
)  # fmt: skip
_LEANS_BY_PRICE_SENSITIVITY = (0.6, -0.6, 0.0, -0.4)
_LEANS_BY_ATTENTION = (0.7, 0.2, -0.8, 0.3)

RATE_SHAPE = 1.5
RATE_MEAN_PER_DAY = 1 / 150
VISITOR_SHARE = 0.29  # users who try the shop and soon lose interest
VISITOR_FADE_PER_DAY = 1 / 12
RESIDENT_FADE_PER_DAY = 1 / 900


@dataclass(frozen=True)
class People:
    """A chunk of users, one array element each.

    Attributes
    ----------
    number : numpy.ndarray
        The user's number in the world; ids are made from it.
    signup_day : numpy.ndarray
        Day number of the sign-up, ascending.
    rate : numpy.ndarray
        Latent purchase rate per day while engaged, gamma distributed.
    fade : numpy.ndarray
        Latent hazard per day of starting to lose interest, at neutral satisfaction.
    base_satisfaction : numpy.ndarray
        Level to which satisfaction returns (0 is neutral).
    price_sensitivity : numpy.ndarray
        In 0..1: response to discounts and use of coupons.
    attention : numpy.ndarray
        In 0..1: how readily the user opens what the shop sends.
    response : numpy.ndarray
        Position in RESPONSE_TYPES; it leans on acquisition channel, device, price sensitivity and attention.
    browsing : numpy.ndarray
        Sessions per day while engaged.
    """

    number: Ints
    signup_day: Ints
    signup_second: Ints
    rate: Floats
    fade: Floats
    base_satisfaction: Floats
    price_sensitivity: Floats
    attention: Floats
    response: Ints
    browsing: Floats
    city: Ints
    channel: Ints
    birth_year: Ints
    gender: Ints
    language: Ints
    device: Ints
    favourite: Ints
    active_hour: Ints
    granted: Flags

    @property
    def count(self) -> int:
        """How many users the chunk has."""
        return len(self.number)

    @property
    def reachable(self) -> Flags:
        """Users who gave consent to e-mail, SMS or push at sign-up."""
        return np.asarray(self.granted[:, :3].any(axis=1))


def people_of(world: World, chance: Chance, start: int, stop: int, through: int) -> People:
    """Draw users number ``start``..``stop``-1 who sign up by day ``through``.

    Rates are gamma distributed (as in Ehrenberg's and Fader's models of repeat buying); hazards of
    losing interest are a mixture of short-lived visitors and lasting residents.
    """
    signup_day = world.signup_days(start, stop, through)
    number = np.arange(start, start + len(signup_day))
    rate = chance.gamma("rate", RATE_SHAPE, number) / RATE_SHAPE * RATE_MEAN_PER_DAY
    channel = chance.pick("channel", CHANNEL_SHARES, number)
    # livestream and marketplace bring people who stay less long, referral those who stay longer
    visitor_share = VISITOR_SHARE * np.array([1.0, 1.05, 0.7, 1.35, 1.15, 0.8, 0.9])[channel]
    visitor = chance.uniform("visitor", number) < visitor_share
    spread = chance.gamma("fade", 1.5, number) / 1.5
    fade = spread * np.where(visitor, VISITOR_FADE_PER_DAY, RESIDENT_FADE_PER_DAY)
    browsing = 0.055 * (rate / RATE_MEAN_PER_DAY) ** 0.6 * np.exp(0.45 * chance.normal("browsing", number))
    known_year = chance.uniform("tells birth year", number) < 0.8
    age = np.clip(33 + 9 * chance.normal("age", number), 18, 80).astype(np.int64)
    granted = np.column_stack(
        [chance.uniform(f"consent/{p}", number) < s for p, s in zip(PURPOSES, PURPOSE_SHARES, strict=True)]
    )
    city = chance.pick("city", CITY_SHARES, number)
    foreign = np.array([place[0] != "CN" for place in CITIES])[city]
    sensitivity, attention = chance.normal("price sensitivity", number), chance.normal("attention", number)
    device = chance.pick("device", DEVICE_SHARES, number)
    return People(
        number=number,
        signup_day=signup_day,
        signup_second=25_200 + chance.whole("signup second", 50_000, number),
        rate=rate,
        fade=fade,
        base_satisfaction=0.35 * chance.normal("base satisfaction", number),
        price_sensitivity=np.clip(0.4 + 0.22 * sensitivity, 0.0, 1.0),
        attention=np.clip(0.5 + 0.25 * attention, 0.0, 1.0),
        response=_response_types(
            chance.uniform("response type", number), channel, device, sensitivity, attention
        ),
        browsing=browsing,
        city=city,
        channel=channel,
        birth_year=np.where(known_year, world.first_day.year - age, 0),
        gender=chance.pick("gender", [0.50, 0.36, 0.14], number),
        language=(chance.uniform("language", number) < np.where(foreign, 0.7, 0.14)).astype(np.int64),
        device=device,
        favourite=chance.whole("favourite category", len(CATEGORIES), number),
        active_hour=chance.pick("active hour", [0.12, 0.14, 0.20, 0.54], number) * 4 + 8,
        granted=granted,
    )


def _response_types(
    luck: Floats, channel: Ints, device: Ints, sensitivity: Floats, attention: Floats
) -> Ints:
    """Choose response types; every weight leans on what a shop can see, or on what leaves traces there."""
    leans = np.array(_LEANS_ALL) + np.array(_LEANS_BY_CHANNEL)[channel] + np.array(_LEANS_BY_DEVICE)[device]
    leans += sensitivity[:, None] * np.array(_LEANS_BY_PRICE_SENSITIVITY)
    leans += attention[:, None] * np.array(_LEANS_BY_ATTENTION)
    edges = np.cumsum(np.exp(leans), axis=1)
    return np.asarray(((luck * edges[:, -1])[:, None] >= edges).sum(axis=1), dtype=np.int64)

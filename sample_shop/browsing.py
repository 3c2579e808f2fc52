"""What users do in the shop's pages: sessions unfolded into events."""

import numpy as np

from sample_shop.chance import Chance, Columns, Floats, Ints, pick_by
from sample_shop.clock import DAY, session_numbers
from sample_shop.people import DEVICES, People
from sample_shop.seasons import CATEGORIES
from sample_shop.shop import Shop
from sample_shop.state import BROWSE, BUY, FAIL, SEEK, STRAY

EVENT_TYPES = (
    "page_view", "product_view", "search", "add_to_cart", "remove_from_cart",
    "favorite", "follow_shop", "share", "login", "checkout",
)  # fmt: skip
_PAGE_VIEW, _PRODUCT_VIEW, _SEARCH, _ADD, _REMOVE, _FAVORITE, _FOLLOW, _SHARE, _LOGIN, _CHECKOUT = range(10)
# shares of the event types within a session, by purpose
_MIX = {
    BROWSE: [0.34, 0.42, 0.12, 0.05, 0.012, 0.035, 0.008, 0.015],
    SEEK: [0.20, 0.42, 0.17, 0.11, 0.020, 0.060, 0.010, 0.010],
    BUY: [0.18, 0.44, 0.16, 0.15, 0.030, 0.030, 0.005, 0.005],
    STRAY: [0.70, 0.25, 0.05],
    FAIL: [0.20, 0.44, 0.16, 0.15, 0.030, 0.015, 0.002, 0.003],
}
_MEAN_EXTRA_EVENTS = {BROWSE: 3.6, SEEK: 5.5, BUY: 4.0, STRAY: 0.4, FAIL: 4.0}
_MOST_EVENTS = 40
LINE_SHARES = [0.58, 0.24, 0.11, 0.05, 0.02]


def lines_of(chance: Chance, user: Ints, day: Ints) -> Ints:
    """Return how many lines the basket of (user, day) has: 1 to 5."""
    return 1 + chance.pick("lines", LINE_SHARES, user, day)


def basket(shop: Shop, favourite: Ints, user: Ints, day: Ints, line: Ints) -> Ints:
    """Return the product of a line of the basket that (user, day) has in mind."""
    chance = shop.chance
    at_home = chance.uniform("in favourite category", user, day, line) < 0.62
    category = np.where(at_home, favourite, chance.whole("other category", len(CATEGORIES), user, day, line))
    return shop.catalogue.chosen(category, chance.uniform("product", user, day, line))


def unfold(shop: Shop, people: People, sessions: Columns) -> tuple[Columns, Ints]:
    """Unfold sessions into events.

    Returns
    -------
    events : dict
        day, at, number, user, session, type, product (-1 none), duration (-1 none), device.
    ends_at : numpy.ndarray
        Per session: the moment of its last event, which is the checkout where there is one.
    """
    world, chance = shop.world, shop.chance
    user, day, purpose = sessions["user"], sessions["day"], sessions["purpose"]
    position = user - (people.number[0] if people.count else 0)
    counts = _event_counts(chance, user, day, purpose)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int64)
    session = np.repeat(np.arange(len(user)), counts)
    step = np.arange(len(session)) - starts[session]
    who, when, what_for = user[session], day[session], purpose[session]

    gap = 5 + np.minimum(-np.log1p(-chance.uniform("gap", who, when, step)) * 38, 170).astype(np.int64)
    elapsed = np.cumsum(gap)
    elapsed -= (elapsed[starts] - gap[starts])[session] if len(session) else 0
    at = (day * DAY + _start_seconds(chance, people, user, day, position))[session] + elapsed
    last = starts + counts - 1

    kind = _kinds(chance, who, when, step, what_for)
    opens = chance.uniform("opening", user, day) < 0.35
    kind[starts] = np.where(opens, _LOGIN, _PAGE_VIEW)
    ordering = (purpose == BUY) | (purpose == FAIL)
    kind[last[ordering]] = _CHECKOUT
    kind[last[ordering] - 1] = _ADD

    line = step % lines_of(chance, user, day)[session]
    wandering = (what_for != BUY) & (what_for != FAIL)
    product = basket(
        shop, people.favourite[position][session], who, when, np.where(wandering, step + 10, line)
    )
    shows_product = np.isin(kind, (_PRODUCT_VIEW, _ADD, _REMOVE, _FAVORITE, _SHARE))
    is_view = (kind == _PAGE_VIEW) | (kind == _PRODUCT_VIEW)
    other = chance.uniform("other device", user, day) < 0.12
    device = np.where(other, chance.whole("device today", len(DEVICES), user, day), people.device[position])
    numbers = session_numbers(world, day, user)[session]
    events: Columns = {
        "day": when,
        "at": at,
        "number": numbers * 100 + step,
        "user": who,
        "session": numbers,
        "type": kind,
        "product": np.where(shows_product, product, -1),
        "duration": np.where(is_view, gap, -1),
        "device": device[session],
    }
    return events, at[last]


def _event_counts(chance: Chance, user: Ints, day: Ints, purpose: Ints) -> Ints:
    mean = np.array([_MEAN_EXTRA_EVENTS[p] for p in range(len(_MEAN_EXTRA_EVENTS))])[purpose]
    # geometric: the number of failures with the given mean
    extra = np.log1p(-chance.uniform("events", user, day)) / np.log(mean / (1.0 + mean))
    least = np.where((purpose == BUY) | (purpose == FAIL), 4, 1)
    return np.asarray(np.minimum(least + extra.astype(np.int64), _MOST_EVENTS))


def _start_seconds(chance: Chance, people: People, user: Ints, day: Ints, position: Ints) -> Ints:
    usual = people.active_hour[position] * 3600 + 7200 * chance.normal("hour", user, day)
    anywhen = chance.uniform("any hour", user, day) < 0.15
    second = np.where(anywhen, chance.uniform("hour of day", user, day) * DAY, usual)
    second = np.clip(second, 0, 79_000).astype(np.int64)
    first_visit = people.signup_day[position] == day
    return np.where(first_visit, people.signup_second[position] + 15, second)


def _kinds(chance: Chance, who: Ints, when: Ints, step: Ints, purpose: Ints) -> Ints:
    luck: Floats = chance.uniform("event type", who, when, step)
    kind = np.zeros(len(who), dtype=np.int64)
    for value, shares in _MIX.items():
        chosen = purpose == value
        kind[chosen] = pick_by(luck[chosen], shares)
    return kind

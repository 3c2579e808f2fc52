"""Orders with their lines, money, coupons and returns."""

import numpy as np

from sample_shop.browsing import basket, lines_of
from sample_shop.catalogue import PER_CATEGORY
from sample_shop.chance import Chance, Columns, Flags, Floats, Ints
from sample_shop.clock import DAY, order_numbers
from sample_shop.people import People
from sample_shop.shop import Shop

STATUSES = ("paid", "cancelled", "refunded", "pending")
PAID, CANCELLED, REFUNDED, PENDING = range(4)
PENDING_SHARE = 0.01
FACE_VALUES = (1000, 2000, 3000)


def face_cents(chance: Chance, user: Ints, campaign: Ints) -> Ints:
    """Return the face value in cents of the coupon of (user, campaign)."""
    return np.array(FACE_VALUES)[chance.pick("face value", [0.5, 0.35, 0.15], user, campaign)]


def order_rows(
    shop: Shop,
    people: People,
    *,
    user: Ints,
    day: Ints,
    at: Ints,
    coupon: Ints,
    ticket: Ints,
    failed: bool,
) -> tuple[Columns, Columns]:
    """Make the rows of orders and of their lines.

    Parameters
    ----------
    coupon : numpy.ndarray
        Campaign whose coupon is used, -1 for none.
    ticket : numpy.ndarray
        Position of the intervention whose coupon is used, -1 for none.
    failed : bool
        True for payments that failed: such orders end cancelled or refunded.

    Returns
    -------
    orders : dict
        day, at, number, user, status, gross, discount (cents), coupon, ticket. An order that waits for its
        payment is there twice: as pending, and a day later with its outcome.
    items : dict
        order (its position), day, at, number (of the order), line, product, quantity, unit (cents),
        rate (promotion discount).
    """
    world, chance, seasons, catalogue = shop.world, shop.chance, shop.seasons, shop.catalogue
    number = order_numbers(world, day, user, failed)
    lines = lines_of(chance, user, day)
    order = np.repeat(np.arange(len(user)), lines)
    first = np.concatenate([[0], np.cumsum(lines)[:-1]]).astype(np.int64)
    line = np.arange(len(order)) - first[order]
    favourite = people.favourite[user - (people.number[0] if people.count else 0)]
    product = basket(shop, favourite[order], user[order], day[order], line)
    quantity = 1 + chance.pick("quantity", [0.80, 0.15, 0.04, 0.01], user[order], day[order], line)
    unit = catalogue.price_cents[product]
    rate = seasons.category_deal[day[order], product // PER_CATEGORY]
    gross = _sum_by(order, quantity * unit, len(user))
    discount = _sum_by(order, np.floor(quantity * unit * rate).astype(np.int64), len(user))
    face = np.where(coupon >= 0, face_cents(chance, user, np.maximum(coupon, 0)), 0)
    used = ticket >= 0
    face[used] = shop.interventions.face[ticket[used]]
    discount = discount + np.minimum(face, (gross - discount) // 3)

    luck = chance.uniform("refunded or cancelled", user, day)
    outcome = np.where(luck < 0.3, REFUNDED, CANCELLED) if failed else np.full(len(user), PAID)
    waits = chance.uniform("pending", number) < PENDING_SHARE
    orders = {
        "day": day + waits,
        "at": at,
        "number": number,
        "user": user,
        "status": outcome.astype(np.int64),
        "gross": gross,
        "discount": discount,
        "coupon": coupon,
        "ticket": ticket,
    }
    announced = {name: values[waits] for name, values in orders.items()}
    announced["day"] = day[waits]
    announced["status"] = np.full(int(waits.sum()), PENDING)
    items = {
        "order": order,
        "day": day[order],
        "at": at[order],
        "number": number[order],
        "line": line + 1,
        "product": product,
        "quantity": quantity,
        "unit": unit,
        "rate": rate,
    }
    return stacked(orders, announced), items


def return_rows(shop: Shop, orders: Columns, items: Columns) -> Columns:
    """Make the rows of returns: one line of the order comes back.

    Parameters
    ----------
    orders : dict
        Paid orders with their fate (``Lives.orders``).
    items : dict
        The lines of the same orders, in the same order.
    """
    chance = shop.chance
    number = order_numbers(shop.world, orders["day"], orders["user"])
    first = np.searchsorted(items["order"], np.arange(len(number)))
    lines = np.bincount(items["order"], minlength=len(number))
    back: Flags = orders["returned"] >= 0
    luck: Floats = chance.uniform("returned line", number)
    line = (first + (luck * lines).astype(np.int64))[back]
    day = (orders["day"] + orders["returned"])[back]
    quantity = items["quantity"][line]
    paid = np.floor(items["unit"][line] * quantity * (1.0 - items["rate"][line])).astype(np.int64)
    return {
        "day": day,
        "at": day * DAY + 30_000 + chance.whole("returned at", 40_000, number[back]),
        "number": number[back],
        "user": orders["user"][back],
        "order": np.where(chance.uniform("order unknown", number[back]) < 0.03, -1, number[back]),
        "product": items["product"][line],
        "quantity": quantity,
        "amount": paid,
        "reason": orders["reason"][back],
    }


def redemption_rows(orders: Columns, number: Ints, at: Ints) -> Columns:
    """Make the rows of coupon redemptions of paid orders."""
    used = (orders["coupon"] >= 0) | (orders["ticket"] >= 0)
    return {
        "day": orders["day"][used],
        "at": at[used],
        "number": number[used],
        "coupon": orders["coupon"][used],
        "ticket": orders["ticket"][used],
        "user": orders["user"][used],
    }


def stacked(*pages: Columns) -> Columns:
    """Put tables with the same columns below each other."""
    return {name: np.concatenate([page[name] for page in pages]) for name in pages[0]}


def _sum_by(group: Ints, values: Ints, groups: int) -> Ints:
    return np.bincount(group, weights=values, minlength=groups).astype(np.int64)

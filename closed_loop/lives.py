"""What simulated lives come to in money and orders, user by user, as the shop's economics count it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sample_shop.orders import order_rows
from sample_shop.people import People
from sample_shop.shop import Shop
from sample_shop.state import Lives
from sample_shop.worth import MARGIN_SHARE

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]


@dataclass(frozen=True)
class Outcomes:
    """Sums over a span of days, one element per user of the chunk.

    Attributes
    ----------
    orders : array of int
        Paid orders.
    revenue, margin : array
        What was paid, and what of it the shop keeps after the cost of goods, in CNY.
    """

    orders: Whole
    revenue: Floats
    margin: Floats


def outcomes_of(shop: Shop, people: People, lives: Lives, first_day: int, last_day: int) -> Outcomes:
    """Sum what users ordered from ``first_day`` to ``last_day``, both included.

    The cost of goods is a share of the price before discounts; every discount comes off the margin.
    """
    user, money, day = _paid_orders(shop, people, lives)
    counted = (day >= first_day) & (day <= last_day)
    users = user[counted]

    def by_user(values: Floats | None = None) -> Floats:
        chosen = None if values is None else values[counted]
        return np.bincount(users, weights=chosen, minlength=people.count).astype(np.float64)

    return Outcomes(
        orders=by_user().astype(np.int64),
        revenue=by_user(money["gross"] - money["discount"]),
        margin=by_user(MARGIN_SHARE * money["gross"] - money["discount"]),
    )


def margin_by_day(shop: Shop, people: People, lives: Lives, days: int) -> Floats:
    """Return the margin of all users together, day by day (0..days-1)."""
    _, money, day = _paid_orders(shop, people, lives)
    margin = MARGIN_SHARE * money["gross"] - money["discount"]
    return np.bincount(day, weights=margin, minlength=days)[:days].astype(np.float64)


def _paid_orders(shop: Shop, people: People, lives: Lives) -> tuple[Whole, dict[str, Floats], Whole]:
    paid = lives.orders
    rows, _ = order_rows(
        shop,
        people,
        user=paid["user"],
        day=paid["day"],
        at=np.zeros_like(paid["day"]),
        coupon=paid["coupon"],
        ticket=paid["ticket"],
        failed=False,
    )
    # an order that waited for its payment stands there twice: its outcome comes first
    placed = len(paid["user"])
    money = {name: rows[name][:placed] / 100.0 for name in ("gross", "discount")}
    return paid["user"] - int(people.number[0]), money, paid["day"]

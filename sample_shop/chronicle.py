"""Everything a chunk of users leaves behind, as compact rows per table."""

import numpy as np

from sample_shop.browsing import unfold
from sample_shop.chance import Columns
from sample_shop.clock import order_numbers
from sample_shop.orders import order_rows, redemption_rows, return_rows, stacked
from sample_shop.outreach import consent_rows, contact_rows, coupon_rows, ticket_rows, touch_rows, user_rows
from sample_shop.people import People
from sample_shop.shop import Shop
from sample_shop.speech import complaint_rows, message_rows, review_rows
from sample_shop.state import BUY, FAIL, Lives


def chronicle(shop: Shop, people: People, lives: Lives) -> dict[str, Columns]:
    """Make the compact rows of every table.

    Each table has ``day``, the day number on which a row is delivered if nothing goes wrong. Rows of days
    after the last simulated one are there too (returns to come, for instance).
    """
    chance = shop.chance
    events, ends_at = unfold(shop, people, lives.sessions)
    bought, failed = lives.sessions["purpose"] == BUY, lives.sessions["purpose"] == FAIL
    paid = lives.orders
    number = order_numbers(shop.world, paid["day"], paid["user"])
    orders, items = order_rows(
        shop,
        people,
        user=paid["user"],
        day=paid["day"],
        at=ends_at[bought],
        coupon=paid["coupon"],
        ticket=paid["ticket"],
        failed=False,
    )
    failed_user, failed_day = lives.sessions["user"][failed], lives.sessions["day"][failed]
    failed_orders, failed_items = order_rows(
        shop,
        people,
        user=failed_user,
        day=failed_day,
        at=ends_at[failed],
        coupon=np.full(len(failed_user), -1),
        ticket=np.full(len(failed_user), -1),
        failed=True,
    )
    first_product = items["product"][items["line"] == 1]
    all_items = stacked(items, failed_items)
    del all_items["order"]
    people_rows = user_rows(people)
    reached = contact_rows(people, lives.contacts, chance, shop.interventions)
    return {
        "users": people_rows,
        "user_contacts": {name: people_rows[name] for name in ("day", "at", "number")},
        "consents": consent_rows(people, lives, chance, shop.interventions),
        "events": events,
        "orders": stacked(orders, failed_orders),
        "order_items": all_items,
        "returns": return_rows(shop, paid, items),
        "reviews": review_rows(chance, people, paid, number, first_product),
        "support_messages": stacked(
            message_rows(chance, people, paid, number, first_product),
            complaint_rows(chance, people, lives.contacts, reached["number"], reached["at"]),
        ),
        "campaign_touches": stacked(
            touch_rows(people, lives.touches, chance),
            reached,
        ),
        "coupons": stacked(
            coupon_rows(lives.touches, chance), ticket_rows(lives.contacts, shop.interventions)
        ),
        "coupon_redemptions": redemption_rows(paid, number, ends_at[bought]),
    }

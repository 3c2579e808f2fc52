"""Compact rows turned into the contract's tables."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sample_shop import catalogue as shelves
from sample_shop.browsing import EVENT_TYPES
from sample_shop.catalogue import Catalogue
from sample_shop.chance import Columns, Ints
from sample_shop.clock import CURRENCY
from sample_shop.contract import TABLES
from sample_shop.interventions import OUTLETS, Interventions
from sample_shop.orders import STATUSES
from sample_shop.people import CHANNELS, CITIES, DEVICES, LANGUAGES, PURPOSES
from sample_shop.seasons import CATEGORIES, Promotion
from sample_shop.service import REASONS
from sample_shop.shop import Shop
from sample_shop.speech import message_texts, review_texts
from sample_shop.world import World

_GENDERS = ("female", "male", None)
_SENDERS = ("user", "agent", "user", "user")


def rendered(shop: Shop, table: str, rows: Columns) -> pa.Table:
    """Turn compact rows into a table with exactly the contract's columns.

    Times become naive timestamps in the shop's zone, money decimals with two places.
    """
    columns = _WRITERS[table](_Pen(shop.world, shop.catalogue, shop.interventions), rows)
    return pa.table([columns[name] for name in TABLES[table].columns], names=list(TABLES[table].columns))


def products_table(catalogue: Catalogue) -> pa.Table:
    """Return the products, all of which are there from the first day."""
    number = np.arange(len(catalogue.identifiers))
    pen = _Pen(None, catalogue, Interventions.none())
    columns = {
        "product_id": pen.product(number),
        "category": pen.word(CATEGORIES, number // shelves.PER_CATEGORY),
        "brand": pen.word(shelves.BRANDS, catalogue.brand),
        "list_price": pen.money(catalogue.price_cents),
    }
    return pa.table(columns)


def promotions_table(promotions: Sequence[Promotion]) -> pa.Table:
    """Return promotions, in the order given."""
    columns = {
        "promotion_id": pa.array([sale.promotion_id for sale in promotions], pa.string()),
        "starts_on": pa.array([sale.starts_on for sale in promotions], pa.date32()),
        "ends_on": pa.array([sale.ends_on for sale in promotions], pa.date32()),
        "name": pa.array([sale.name for sale in promotions], pa.string()),
        "discount_rate": pa.array([sale.discount_rate for sale in promotions], pa.float64()),
        "category": pa.array([sale.category or None for sale in promotions], pa.string()),
    }
    return pa.table(columns)


class _Pen:
    """Writes numbers as the ids, moments and words of one world."""

    def __init__(self, world: World | None, catalogue: Catalogue, interventions: Interventions) -> None:
        self.epoch = 0 if world is None else int(np.datetime64(world.first_day, "s").astype(np.int64))
        self.first = 0 if world is None else int(np.datetime64(world.first_day, "D").astype(np.int64))
        self.catalogue = catalogue
        self.interventions = interventions

    def ids(self, prefix: str, number: Ints, width: int = 0) -> Any:
        text = pc.cast(pa.array(number), pa.string())
        if width:
            text = pc.utf8_lpad(text, width, "0")
        return self.joined(prefix, text)

    def joined(self, *parts: Any) -> Any:
        return pc.binary_join_element_wise(*parts, "")

    def user(self, number: Ints) -> Any:
        return self.ids("u", number, 7)

    def code(self, prefix: str, number: Ints) -> Any:
        """Write campaign * 10^7 + user, as coupons and touches are numbered."""
        return self.ids(prefix, number, 11)

    def campaign(self, number: Ints) -> Any:
        return self.ids("C", number, 4)

    def outside(self, column: str, position: Ints, own: Any) -> Any:
        """Write what an intervention says; rows of none (-1) keep the shop's own words."""
        if not (position >= 0).any():
            return own
        words = pa.array(getattr(self.interventions, column), pa.string())
        return pc.if_else(pa.array(position >= 0), words.take(pa.array(np.maximum(position, 0))), own)

    def moment(self, at: Ints) -> Any:
        return pa.array(at + self.epoch, mask=at < 0).cast(pa.timestamp("s"))

    def date(self, day: Ints) -> Any:
        return pa.array((day + self.first).astype(np.int32)).cast(pa.date32())

    def money(self, cents: Ints) -> Any:
        wide = np.column_stack([cents, np.where(cents < 0, -1, 0)]).astype("<i8")
        return pa.Array.from_buffers(pa.decimal128(18, 2), len(cents), [None, pa.py_buffer(wide.tobytes())])

    def whole(self, number: Ints, missing: int = -1) -> Any:
        return pa.array(number, mask=number == missing)

    def word(self, words: Sequence[str | None], position: Ints) -> Any:
        return pa.array(words, pa.string()).take(pa.array(position))

    def product(self, position: Ints) -> Any:
        return pa.array(self.catalogue.identifiers, pa.string()).take(pa.array(position, mask=position < 0))


def _users(pen: _Pen, rows: Columns) -> dict[str, Any]:
    place = [pen.word([city[part] for city in CITIES], rows["city"]) for part in range(3)]
    return {
        "user_id": pen.user(rows["number"]),
        "signed_up_at": pen.moment(rows["at"]),
        "country": place[0],
        "region": place[1],
        "city": place[2],
        "birth_year": pen.whole(rows["birth_year"], missing=0),
        "gender": pen.word(_GENDERS, rows["gender"]),
        "acquisition_channel": pen.word(CHANNELS, rows["channel"]),
        "language": pen.word(LANGUAGES, rows["language"]),
    }


def _user_contacts(pen: _Pen, rows: Columns) -> dict[str, Any]:
    number = rows["number"]
    digits = pen.ids("", number, 7)
    return {
        "user_id": pen.user(number),
        "email": pen.joined("user", digits, "@example.com"),
        "phone": pen.joined("+86 199", pen.ids("", (number * 7919 + 13) % 10**8, 8)),
        "push_token": pen.joined("push-", digits),
    }


def _consents(pen: _Pen, rows: Columns) -> dict[str, Any]:
    return {
        "user_id": pen.user(rows["user"]),
        "purpose": pen.word(PURPOSES, rows["purpose"]),
        "changed_at": pen.moment(rows["at"]),
        "granted": pa.array(rows["granted"].astype(np.bool_)),
    }


def _events(pen: _Pen, rows: Columns) -> dict[str, Any]:
    return {
        "event_id": pen.ids("e", rows["number"]),
        "user_id": pen.user(rows["user"]),
        "session_id": pen.ids("s", rows["session"]),
        "occurred_at": pen.moment(rows["at"]),
        "event_type": pen.word(EVENT_TYPES, rows["type"]),
        "product_id": pen.product(rows["product"]),
        "duration_seconds": pen.whole(rows["duration"]),
        "device": pen.word(DEVICES, rows["device"]),
    }


def _orders(pen: _Pen, rows: Columns) -> dict[str, Any]:
    coupon = rows["coupon"]
    code = pen.code("CP", coupon * 10_000_000 + rows["user"])
    return {
        "order_id": pen.ids("o", rows["number"]),
        "user_id": pen.user(rows["user"]),
        "ordered_at": pen.moment(rows["at"]),
        "status": pen.word(STATUSES, rows["status"]),
        "gross_amount": pen.money(rows["gross"]),
        "discount_amount": pen.money(rows["discount"]),
        "currency": pen.word([CURRENCY], np.zeros_like(coupon)),
        "coupon_code": pen.outside(
            "coupon_code",
            rows["ticket"],
            pc.if_else(pa.array(coupon >= 0), code, pa.scalar(None, pa.string())),
        ),
    }


def _order_items(pen: _Pen, rows: Columns) -> dict[str, Any]:
    return {
        "order_id": pen.ids("o", rows["number"]),
        "line_number": pen.whole(rows["line"]),
        "product_id": pen.product(rows["product"]),
        "quantity": pen.whole(rows["quantity"]),
        "unit_price": pen.money(rows["unit"]),
    }


def _returns(pen: _Pen, rows: Columns) -> dict[str, Any]:
    known = pa.array(rows["order"] >= 0)
    return {
        "return_id": pen.ids("r", rows["number"]),
        "order_id": pc.if_else(known, pen.ids("o", rows["order"]), pa.scalar(None, pa.string())),
        "user_id": pen.user(rows["user"]),
        "product_id": pen.product(rows["product"]),
        "returned_at": pen.moment(rows["at"]),
        "quantity": pen.whole(rows["quantity"]),
        "amount": pen.money(rows["amount"]),
        "reason": pen.word(REASONS, rows["reason"]),
    }


def _reviews(pen: _Pen, rows: Columns) -> dict[str, Any]:
    return {
        "review_id": pen.ids("v", rows["number"]),
        "user_id": pen.user(rows["user"]),
        "product_id": pen.product(rows["product"]),
        "reviewed_at": pen.moment(rows["at"]),
        "rating": pen.whole(rows["rating"]),
        "review_text": pa.array(review_texts(rows), pa.string()),
    }


def _support_messages(pen: _Pen, rows: Columns) -> dict[str, Any]:
    return {
        "message_id": pen.ids("m", rows["number"]),
        "conversation_id": pen.ids("c", rows["number"] // 10),
        "user_id": pen.user(rows["user"]),
        "sent_at": pen.moment(rows["at"]),
        "sender": pen.word(_SENDERS, rows["kind"]),
        "message_text": pa.array(message_texts(rows), pa.string()),
        "satisfaction": pen.whole(rows["satisfaction"]),
    }


def _campaign_touches(pen: _Pen, rows: Columns) -> dict[str, Any]:
    return {
        "touch_id": pen.outside("message_id", rows["intervention"], pen.code("t", rows["number"])),
        "user_id": pen.user(rows["user"]),
        "campaign_id": pen.outside("campaign_id", rows["intervention"], pen.campaign(rows["campaign"])),
        "channel": pen.word(OUTLETS, rows["channel"]),
        "sent_at": pen.moment(rows["at"]),
        "opened_at": pen.moment(rows["opened"]),
        "clicked_at": pen.moment(rows["clicked"]),
    }


def _coupons(pen: _Pen, rows: Columns) -> dict[str, Any]:
    return {
        "coupon_code": pen.outside("coupon_code", rows["intervention"], pen.code("CP", rows["number"])),
        "user_id": pen.user(rows["user"]),
        "campaign_id": pen.outside("campaign_id", rows["intervention"], pen.campaign(rows["campaign"])),
        "issued_at": pen.moment(rows["at"]),
        "expires_on": pen.date(rows["expires"]),
        "face_value": pen.money(rows["face"]),
    }


def _coupon_redemptions(pen: _Pen, rows: Columns) -> dict[str, Any]:
    return {
        "redemption_id": pen.ids("x", rows["number"]),
        "coupon_code": pen.outside(
            "coupon_code", rows["ticket"], pen.code("CP", rows["coupon"] * 10_000_000 + rows["user"])
        ),
        "order_id": pen.ids("o", rows["number"]),
        "redeemed_at": pen.moment(rows["at"]),
    }


_WRITERS: dict[str, Callable[[_Pen, Columns], dict[str, Any]]] = {
    "users": _users,
    "user_contacts": _user_contacts,
    "consents": _consents,
    "events": _events,
    "orders": _orders,
    "order_items": _order_items,
    "returns": _returns,
    "reviews": _reviews,
    "support_messages": _support_messages,
    "campaign_touches": _campaign_touches,
    "coupons": _coupons,
    "coupon_redemptions": _coupon_redemptions,
}

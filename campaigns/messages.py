"""A decision as a message: what a channel needs to say, its key for ever, and when it may go."""

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from campaigns.policy import BATCH_CHANNELS, Offer
from warehouse.ledger import Coupon

# Messages of this project, so that their ids are nobody else's.
NAMESPACE = uuid.UUID("6f1c1e0a-9a57-5d0b-8f7e-0a4f3a4d2c11")
# What was decided for a day is sent until the end of the third day after it, in UTC.
DAYS_UNTIL_EXPIRY = 4
REASONS = tuple(f"reason_{place}_sentence_{language}" for place in (1, 2, 3) for language in ("en", "zh"))


def idempotency_key(source: str, campaign_id: str, as_of_date: date, user_id: str, channel: str) -> str:
    """Return the key under which a provider knows the message, for ever."""
    return f"{source}:{campaign_id}:{as_of_date.isoformat()}:{user_id}:{channel}"


@lru_cache(maxsize=65_536)
def message_id_of(key: str) -> str:
    """Return the message's id, the same for the same key."""
    return str(uuid.uuid5(NAMESPACE, key))


def payload_of(
    row: Mapping[str, Any],
    offer: Offer,
    coupon: Coupon | None,
    products: Sequence[Any],
    *,
    as_of_date: date,
    currency: str,
) -> dict[str, Any]:
    """Return everything that a channel needs, except the address; nothing in it knows of runs and clocks.

    Parameters
    ----------
    row : mapping
        The decision.
    offer : Offer
        Of the seed: its texts and its value.
    coupon : Coupon or None
        The user's own.
    products : sequence
        Recommended products, best first.
    as_of_date : date
        The day that was decided for; offers count from it.
    currency : str
        The shop's.
    """
    expires_on = coupon.expires_on if coupon else as_of_date + timedelta(days=offer.valid_days)
    payload: dict[str, Any] = {
        "language": row["language"],
        "action": row["action"],
        "offer_id": offer.offer_id,
        "title_en": offer.title_en,
        "title_zh": offer.title_zh,
        "text_en": offer.text_en,
        "text_zh": offer.text_zh,
        "face_value": offer.face_value if offer.gives_away else None,
        "minimum_order_amount": offer.minimum_order_amount if offer.gives_away else None,
        "currency": currency,
        "coupon_code": coupon.coupon_code if coupon else None,
        "expires_on": expires_on.isoformat(),
        "trigger_code": row["trigger_code"],
        "preferred_hour": row["preferred_hour"],
        "stratum": row["stratum"],
        "risk_tier": row.get("risk_tier"),
        "value_tier": row.get("value_tier"),
        "products": list(products),
        **{name: row.get(name) for name in REASONS},
    }
    if row["channel"] == "call":
        # the service team calls first who brings most
        payload["expected_net_value"] = row["expected_net_value"]
    return {name: value for name, value in payload.items() if value not in (None, "", [])}


def payload_text(payload: Mapping[str, Any]) -> str:
    """Return a payload as JSON, always the same text for the same content."""
    return json.dumps(payload, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str)


def payload_sha256(text: str) -> str:
    """Return the hash by which a changed payload is found out."""
    return hashlib.sha256(text.encode()).hexdigest()


@lru_cache(maxsize=64)
def expires_at(as_of_date: date) -> datetime:
    """Return when a message of a day is too old to be sent."""
    return datetime.combine(as_of_date + timedelta(days=DAYS_UNTIL_EXPIRY), time(), UTC)


def not_before(row: Mapping[str, Any], *, now: datetime, expires: datetime) -> datetime:
    """Return when a message is first tried: at the user's usual hour, if that comes before it expires."""
    hour = row["preferred_hour"]
    if hour is None or row["channel"] in BATCH_CHANNELS:
        return now
    zone = ZoneInfo(row["time_zone"])
    local = now.astimezone(zone)
    if local.hour == hour:
        return now
    day = local.date() if local.hour < hour else local.date() + timedelta(days=1)
    moment = datetime.combine(day, time(int(hour)), zone).astimezone(UTC)
    return moment if moment < expires else now

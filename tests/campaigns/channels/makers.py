"""Messages and settings that the tests of channels share."""

import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from campaigns.channels.channel import Message
from campaigns.channels.frames import FrameMaker

NOW = datetime(2026, 6, 30, 9, 0, tzinfo=UTC)
#: Stands for what must never be repeated: it is looked for in logs, outcomes and errors.
CANARY = "Zq7vK2xWm9RtB4nLc8YhJ3pD"
COUPON = {
    "coupon_code": "AB12CD34",
    "face_value": 20,
    "currency": "CNY",
    "minimum_order_amount": 100,
    "expires_on": "2026-07-14",
    "products": ["P-001", {"product_id": "P-002", "brand": "Acme", "category": "Lamps"}],
}


def clock() -> datetime:
    return NOW


def message(number: int = 1, **changes: Any) -> Message:
    user = changes.get("user_id", f"u{number}")
    values: dict[str, Any] = {
        "message_id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"message {number}")),
        "idempotency_key": f"shop:win_back:2026-06-30:{user}:email",
        "user_id": user,
        "campaign_id": "win_back",
        "action": "coupon",
        "channel": "email",
        "language": "en",
        "payload": COUPON,
        "address": f"user{number}@example.org",
        "attempts": 0,
    }
    return Message(**{**values, **changes})


def frames(home: Path) -> FrameMaker:
    return FrameMaker.of(
        home,
        "shop",
        shop_name="Lamps & More",
        shop_url="https://shop.example/start",
        unsubscribe_base="https://shop.example/unsubscribe",
    )

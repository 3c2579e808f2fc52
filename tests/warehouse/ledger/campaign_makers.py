"""Messages, assignments and coupons with everything that a test does not care about filled in."""

import hashlib
import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Any

from warehouse.ledger import CampaignAssignment, CampaignLaunch, Coupon, OutboxMessage

DAY = date(2024, 3, 1)
NOW = datetime(2024, 3, 2, 8, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=10)


def message(user_id: str = "u1", payload: str = "{}", **changes: Any) -> OutboxMessage:
    campaign, channel = changes.get("campaign_id", "win_back"), changes.get("channel", "webhook")
    key = f"{changes.get('source', 'shop')}:{campaign}:{changes.get('as_of_date', DAY)}:{user_id}:{channel}"
    values: dict[str, Any] = {
        "message_id": str(uuid.uuid5(uuid.NAMESPACE_URL, key)),
        "idempotency_key": key,
        "payload_sha256": hashlib.sha256(payload.encode()).hexdigest(),
        "source": "shop",
        "run_id": "20240301-000001",
        "as_of_date": DAY,
        "campaign_id": campaign,
        "experiment_id": campaign,
        "user_id": user_id,
        "action": "recommendation",
        "offer_id": None,
        "channel": channel,
        "language": "en",
        "time_zone": "UTC",
        "payload_json": payload,
        "coupon_code": None,
        "cost": 0.5,
        "state": "pending",
        "not_before": NOW,
        "expires_at": NOW + timedelta(days=3),
        "next_attempt_at": NOW,
        "created_at": NOW,
    }
    return OutboxMessage(**values | changes)


def assignment(user_id: str = "u1", arm: str = "treatment", **changes: Any) -> CampaignAssignment:
    values: dict[str, Any] = {
        "source": "shop",
        "experiment_id": "win_back",
        "user_id": user_id,
        "campaign_id": "win_back",
        "arm": arm,
        "stratum": "high/medium",
        "holdout_share": 0.1,
        "salt": "s",
        "assigned_on": DAY,
        "run_id": "20240301-000001",
    }
    return CampaignAssignment(**values | changes)


def launch(state: str = "awaiting_approval", **changes: Any) -> CampaignLaunch:
    values: dict[str, Any] = {
        "source": "shop",
        "run_id": "20240301-000001",
        "campaign_id": "win_back",
        "as_of_date": DAY,
        "experiment_id": "win_back",
        "users_chosen": 10,
        "users_treated": 9,
        "users_held_out": 1,
        "expected_cost": 4.5,
        "state": state,
        "deadline_at": NOW + timedelta(hours=24),
        "created_at": NOW,
    }
    return CampaignLaunch(**values | changes)


def coupon(user_id: str = "u1", code: str | None = None, **changes: Any) -> Coupon:
    values: dict[str, Any] = {
        "coupon_code": code or f"CODE-{user_id}",
        "source": "shop",
        "user_id": user_id,
        "campaign_id": "win_back",
        "period": "2024-03",
        "offer_id": "ten_off",
        "face_value": 1.0,
        "currency": "EUR",
        "issued_at": NOW,
        "expires_on": DAY + timedelta(days=14),
        "message_id": "m-" + user_id,
    }
    return Coupon(**values | changes)

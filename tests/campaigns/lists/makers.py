"""A home with a ledger, a vault and released messages, for the tests of lists."""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from campaigns.messages import idempotency_key, message_id_of
from warehouse.ledger import CampaignAssignment, ContactBlock, Ledger, OutboxMessage, Run
from warehouse.settings import Settings
from warehouse.vault import Vault

DAY = date(2026, 6, 30)
NOW = datetime(2026, 7, 1, 5, 0, tzinfo=UTC)
EXPERIMENTS = {
    "service_call": "service_call_1",
    "win_back_coupon": "win_back_coupon_1",
    "recommendation": "recommendation_1",
}
PAYLOAD = {
    "title_en": "How can we put it right?",
    "title_zh": "我们能为您做些什么？",
    "text_en": "We want to put it right.",
    "text_zh": "我们希望为您妥善解决。",
    "trigger_code": "complaint_unanswered",
    "stratum": "high/medium",
    "risk_tier": "high",
    "value_tier": "medium",
    "preferred_hour": 20,
    "currency": "CNY",
    "expires_on": "2026-07-14",
    "reason_1_sentence_en": "No visit in the last 90 days",
    "reason_1_sentence_zh": "近 90 天没有访问",
    "reason_2_sentence_en": "A complaint is open",
    "reason_2_sentence_zh": "有未处理的投诉",
}


def settings_of(home: Path, **more: str) -> Settings:
    environment = {"HOLDFAST_HOME": str(home), "HOLDFAST_SOURCE": "shop", "HOLDFAST_SENDING": "on", **more}
    return Settings.from_environment(environment)


def outbox_message(
    user_id: str,
    channel: str,
    run: Run,
    campaign_id: str = "win_back_coupon",
    *,
    payload: dict[str, Any] | None = None,
    **changes: Any,
) -> OutboxMessage:
    day = changes.pop("as_of_date", run.as_of_date)
    key = idempotency_key("shop", campaign_id, day, user_id, channel)
    values: dict[str, Any] = {
        "message_id": message_id_of(key),
        "idempotency_key": key,
        "payload_sha256": "0" * 64,
        "source": "shop",
        "run_id": run.run_id,
        "as_of_date": day,
        "campaign_id": campaign_id,
        "experiment_id": EXPERIMENTS[campaign_id],
        "user_id": user_id,
        "action": "service_call" if channel == "call" else "recommendation",
        "offer_id": None,
        "channel": channel,
        "language": "zh",
        "time_zone": "Asia/Shanghai",
        "payload_json": json.dumps({**PAYLOAD, **(payload or {})}, ensure_ascii=False),
        "coupon_code": None,
        "cost": 0.01,
        "state": "pending",
        "not_before": NOW,
        "expires_at": NOW + timedelta(days=3),
        "next_attempt_at": NOW,
        "created_at": NOW,
    }
    return OutboxMessage(**{**values, **changes})


def release(ledger: Ledger, messages: Sequence[OutboxMessage], *, arm: str = "treatment") -> None:
    """Write messages as recorded and released, each user in an arm."""
    assignments = [
        CampaignAssignment(
            "shop",
            one.experiment_id,
            one.user_id,
            one.campaign_id,
            arm,
            "high/high",
            0.1,
            "salt",
            DAY,
            one.run_id,
        )
        for one in messages
    ]
    with ledger.writing() as connection:
        ledger.record_assignments(connection, assignments)
        ledger.write_messages(connection, messages)


def give_phones(settings: Settings, phones: dict[str, str], place: int = 1) -> None:
    """Deliver phone numbers; a later place is a later delivery."""
    with Vault(settings) as vault, vault.writing():
        vault.put([(user, None, phone, None) for user, phone in phones.items()], place)


def block(ledger: Ledger, user_id: str, purpose: str, reason: str = "unsubscribed") -> None:
    ledger.block_contacts([ContactBlock("shop", user_id, purpose, reason, NOW - timedelta(minutes=1))])


def states(ledger: Ledger) -> dict[str, tuple[str, str | None]]:
    """Return state and failure of every message, by user."""
    return {one.user_id: (one.state, one.failure) for one in ledger.messages("shop")}

"""Alerts as a refresh hands them over."""

from typing import Any


def alert(number: int, kind: str = "complaint", tier: str = "high", **changes: Any) -> dict[str, Any]:
    return {
        "alert_id": f"a{number}",
        "user_id": f"u{number}",
        "alert_kind": kind,
        "risk_tier": tier,
        "since_date": "2026-06-29",
        "raised_at": "2026-06-30T08:50:00+00:00",
        "reason_sentence_en": "A complaint is unanswered",
        "reason_sentence_zh": "有投诉未回复",
        "what_to_do_en": "Answer the complaint today.",
        "what_to_do_zh": "请今天回复投诉。",
    } | changes

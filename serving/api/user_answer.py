"""How one user's risk is told: the shape of the answer, and an example of it."""

from datetime import date
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Reason(BaseModel):
    """One of the three reasons behind a score."""

    code: str
    value: float | None = Field(None, description="of the feature behind it")
    contribution: float | None = Field(None, description="above 0 raises the risk")
    sentence_en: str | None = None
    sentence_zh: str | None = None


class TierChange(BaseModel):
    """A day on which the tier became another."""

    risk_tier: str
    previous_risk_tier: str | None = None
    since: date


class RecommendedAction(BaseModel):
    """What the day's decision chose for the user."""

    campaign_id: str
    action: str | None = None
    offer_id: str | None = None
    trigger_code: str | None = None
    channel: str | None = Field(None, description="for keys with the field set profile")
    language: str | None = Field(None, description="for keys with the field set profile")


class Contact(BaseModel):
    """What was sent already; times are UTC."""

    campaign_id: str | None = None
    action: str | None = None
    channel: str | None = Field(None, description="for keys with the field set profile")
    handed_over_at: str | None = None
    opened_at: str | None = None
    clicked_at: str | None = None
    coupon_redeemed_on: date | None = None
    attributed_orders: int | None = None


class UserRisk(BaseModel):
    """One user's risk at the end of a day."""

    model_config = ConfigDict(extra="allow", protected_namespaces=())

    run_id: str
    as_of_date: date
    model_version: str | None
    published_at: str
    age_hours: float
    stale: bool
    user_id: str
    churn_probability: float
    risk_tier: str
    reasons: list[Reason]
    tier_history: list[TierChange] = Field(description="newest first")
    may_be_contacted: bool | None = Field(None, description="now; null where nothing speaks for or against")
    recommended_action: RecommendedAction | None = None
    contacts: list[Contact] = Field(description="what campaigns sent, newest first")


EXAMPLE: dict[str, Any] = {
    "run_id": "20260630-000004",
    "as_of_date": "2026-06-30",
    "model_version": "churn-20260628-h90-d17ea704",
    "published_at": "2026-07-01T02:10:00+00:00",
    "age_hours": 6.5,
    "stale": False,
    "user_id": "u0003216",
    "churn_probability": 0.982,
    "churn_percentile": 100.0,
    "churn_decile": 10,
    "risk_tier": "high",
    "tier_since": "2026-06-28",
    "previous_risk_tier": "medium",
    "value_tier": "high",
    "lifecycle_status": "lapsing",
    "reasons": [
        {
            "code": "days_since_last_visit",
            "value": 120.0,
            "contribution": 0.61,
            "sentence_en": "No visit in the last 90 days (raises the risk)",
            "sentence_zh": "最近 90 天没有访问（提高风险）",
        }
    ],
    "tier_history": [{"risk_tier": "high", "previous_risk_tier": "medium", "since": "2026-06-28"}],
    "may_be_contacted": True,
    "recommended_action": {
        "campaign_id": "win_back_coupon",
        "action": "coupon",
        "offer_id": "coupon_20",
        "trigger_code": None,
    },
    "contacts": [
        {
            "campaign_id": "recommendation",
            "action": "recommendation",
            "handed_over_at": "2026-05-12T09:00:00+00:00",
        }
    ],
}

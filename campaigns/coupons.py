"""Coupons of campaigns: a code that cannot be guessed, worth and costing what the offer's seed says."""

import secrets
from datetime import date, datetime, timedelta

from campaigns.policy import Campaign, Offer
from warehouse.ledger import Coupon

# Without letters and digits that are taken for each other: 31 signs, so 16 of them are 79 bits.
ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
CODE_LENGTH = 16


def new_code() -> str:
    """Return a fresh code; nobody can guess it, and it can be read out on the telephone."""
    return "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))


def period_of(as_of_date: date) -> str:
    """Return the period in which a campaign gives a user one coupon: the calendar month."""
    return f"{as_of_date:%Y-%m}"


def planned_cost(offer: Offer) -> float:
    """Return what a coupon takes from the budget: its face value, for the share that is expected to use it.

    Choices and budgets count the same cost. With an `expected_redemption_share` of 1 the budget bounds what
    all coupons together can ever take off orders.
    """
    return offer.face_value * offer.expected_redemption_share


def coupon_for(
    campaign: Campaign,
    offer: Offer,
    *,
    source: str,
    user_id: str,
    as_of_date: date,
    currency: str,
    message_id: str,
    now: datetime,
) -> Coupon:
    """Return a coupon to ask the ledger for; its value comes from the offer, whoever the user is."""
    return Coupon(
        coupon_code=new_code(),
        source=source,
        user_id=user_id,
        campaign_id=campaign.campaign_id,
        period=period_of(as_of_date),
        offer_id=offer.offer_id,
        face_value=offer.face_value,
        currency=currency,
        issued_at=now,
        expires_on=as_of_date + timedelta(days=offer.valid_days),
        message_id=message_id,
    )

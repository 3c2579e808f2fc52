"""What the ledger gives back of campaigns: frozen records, one class per table."""

from dataclasses import dataclass
from datetime import date, datetime

ARMS = ("treatment", "holdout", "global_control")
LAUNCH_STATES = ("awaiting_approval", "released", "rejected", "expired", "refused")
# The first four may still be sent; nothing leaves the others.
MESSAGE_STATES = (
    *("held", "pending", "claimed", "unknown"),
    *("sent", "dead", "suppressed", "expired", "cancelled"),
)
BLOCK_REASONS = ("consent_withdrawn", "unsubscribed", "do_not_contact", "erased")
# A block for this purpose stands for every purpose.
EVERY_PURPOSE = "any"


@dataclass(frozen=True)
class CampaignAssignment:
    """The arm of one user in one experiment, for good.

    Attributes
    ----------
    campaign_id : str
        The campaign that assigned the user.
    arm : str
        One of `ARMS`.
    stratum : str
        ``<risk_tier>/<value_tier>`` on the day of the assignment.
    holdout_share, salt : float, str
        What the arm was drawn with.
    run_id : str
        The run that assigned first.
    """

    source: str
    experiment_id: str
    user_id: str
    campaign_id: str
    arm: str
    stratum: str
    holdout_share: float
    salt: str
    assigned_on: date
    run_id: str


@dataclass(frozen=True)
class CampaignLaunch:
    """One campaign on one day by one run: how many, for how much, and whether it may go.

    Attributes
    ----------
    users_chosen : int
        Users that the decision chose, whatever their arm.
    users_treated, users_held_out : int
        Of those, by arm.
    state : str
        One of `LAUNCH_STATES`. ``refused``: the policy's own bounds forbid it, nothing was written for it.
    reason : str, optional
        Why it is not released, or what was left out, in words.
    deadline_at : datetime, optional
        When an approval comes too late; after it nothing is sent.
    """

    source: str
    run_id: str
    campaign_id: str
    as_of_date: date
    experiment_id: str
    users_chosen: int
    users_treated: int
    users_held_out: int
    expected_cost: float
    state: str
    reason: str | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None
    deadline_at: datetime | None = None
    created_at: datetime | None = None


@dataclass(frozen=True)
class OutboxMessage:
    """One exposure of one user by one channel: what to say, and how far it got.

    Attributes
    ----------
    message_id : str
        UUID5 of the idempotency key.
    idempotency_key : str
        ``<source>:<campaign_id>:<as_of_date>:<user_id>:<channel>``, for ever.
    payload_sha256 : str
        Of what is said, without run ids and clocks: a rerun of a day is the same message.
    state : str
        One of `MESSAGE_STATES`.
    next_attempt_at : datetime
        Not before this is it looked at again.
    attempts : int
        Attempts begun so far.
    failure : str, optional
        Why it is suppressed, dead, waiting or unknown.
    sent_at : datetime, optional
        When it was handed over, or last may have been (unknown).
    """

    message_id: str
    idempotency_key: str
    payload_sha256: str
    source: str
    run_id: str
    as_of_date: date
    campaign_id: str
    experiment_id: str
    user_id: str
    action: str
    offer_id: str | None
    channel: str
    language: str
    time_zone: str
    payload_json: str
    coupon_code: str | None
    cost: float
    state: str
    not_before: datetime
    expires_at: datetime
    next_attempt_at: datetime
    created_at: datetime
    attempts: int = 0
    claimed_by: str | None = None
    claim_until: datetime | None = None
    provider_reference: str | None = None
    failure: str | None = None
    sent_at: datetime | None = None


@dataclass(frozen=True)
class DeliveryAttempt:
    """What became of one attempt to hand a message over."""

    message_id: str
    attempt: int
    at: datetime
    outcome: str
    status_code: int | None = None
    detail: str = ""


@dataclass(frozen=True)
class Coupon:
    """One coupon, issued once per user, campaign and period."""

    coupon_code: str
    source: str
    user_id: str
    campaign_id: str
    period: str
    offer_id: str
    face_value: float
    currency: str
    issued_at: datetime
    expires_on: date
    message_id: str


@dataclass(frozen=True)
class CouponBudget:
    """What a campaign may spend on coupons in a period (``all``: in all of them), and has."""

    source: str
    campaign_id: str
    period: str
    budget: float
    spent: float


@dataclass(frozen=True)
class ContactBlock:
    """A user must not be contacted for a purpose, since a moment, until it is lifted.

    Attributes
    ----------
    purpose : str
        ``email``, ``sms``, ``push``, ``call``, ``profiling``, … or ``any`` for all of them.
    reason : str
        One of `BLOCK_REASONS`.
    """

    source: str
    user_id: str
    purpose: str
    reason: str
    since: datetime
    lifted_at: datetime | None = None

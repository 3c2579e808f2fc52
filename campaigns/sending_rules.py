"""May this message go now? Pure: everything that is known comes in, one verdict comes out.

Asked at the decision by SQL, and here again at the moment of sending, since what was true when the list was
made may not be true any more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from campaigns.arms import GLOBAL_CONTROL, TREATMENT
from campaigns.policy import ANY, COUPON, OFFER, ContactRule, Policy
from warehouse.ledger import CampaignAssignment, ContactBlock, OutboxMessage
from warehouse.ledger.claim_book import PastContact
from warehouse.vault import Address

# Whoever objected to profiling, or to everything, is chosen for nothing.
EVERYTHING = ("any", "profiling")
WINDOW_DAYS = 30
# An experiment that left the seed goes on holding its users out for as long as a definition of churn looks.
GOAL_DAYS_OF_OLD_EXPERIMENTS = 90
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Facts:
    """What is known of the user of a message at the moment of sending.

    Attributes
    ----------
    arm : str or None
        The recorded arm in the message's experiment; None if nobody recorded one.
    left_alone : sequence of CampaignAssignment
        Assignments, of any experiment, by which the user is to be left alone.
    blocks : sequence of ContactBlock
        Those that stand.
    contacts : sequence of PastContact
        What was sent, may have been sent, or is being sent to the user; this message itself does not count.
    address : Address or None
        Of the channel; None where it needs none.
    """

    arm: str | None
    left_alone: Sequence[CampaignAssignment] = ()
    blocks: Sequence[ContactBlock] = ()
    contacts: Sequence[PastContact] = ()
    address: Address | None = None


@dataclass(frozen=True)
class Verdict:
    """Whether a message may go.

    Attributes
    ----------
    kind : {"go", "wait", "suppress", "expire"}
        Now; not before `until`; never, for `reason`; never, since its time has passed.
    """

    kind: Literal["go", "wait", "suppress", "expire"]
    reason: str = ""
    until: datetime | None = None


GO = Verdict("go")


def may_send(message: OutboxMessage, facts: Facts, policy: Policy, now: datetime) -> Verdict:
    """Say whether a message may go now.

    The first of these that holds decides: it has expired; the user is left alone (global control, holdout, or
    held out by another running experiment); a block stands; there is no address; a cap of the channel, of
    all channels together, of offers or of coupons; quiet hours in the user's own zone. A wait that would end
    after the message has expired is a suppression.

    Parameters
    ----------
    message : OutboxMessage
        As it stands in the outbox.
    facts : Facts
        About its user, now.
    policy : Policy
        The seeds.
    now : datetime
        In UTC.
    """
    if message.expires_at <= now:
        return Verdict("expire", "expired")
    forbidden = _left_alone(message, facts, policy, now) or _blocked(message, facts, policy)
    if forbidden is None and facts.address is not None:
        forbidden = facts.address.problem
    if forbidden is not None:
        return Verdict("suppress", forbidden)
    reason, moment = _first_moment(message, facts, policy, now)
    if moment <= now:
        return GO
    if moment >= message.expires_at:
        return Verdict("suppress", reason)
    return Verdict("wait", reason, moment)


def _left_alone(message: OutboxMessage, facts: Facts, policy: Policy, now: datetime) -> str | None:
    for assignment in facts.left_alone:
        if assignment.arm == GLOBAL_CONTROL:
            return GLOBAL_CONTROL
    if facts.arm != TREATMENT:
        return "held_out" if facts.arm else "not_assigned"
    today = _local(now, message.time_zone).date()
    for assignment in facts.left_alone:
        if today <= held_out_until(assignment, policy):
            return "held_out"
    return None


def held_out_until(assignment: CampaignAssignment, policy: Policy) -> date:
    """Return the day from whose decisions on a held-out user may be chosen again by other campaigns."""
    goal_days = policy.goal_days(assignment.experiment_id) or GOAL_DAYS_OF_OLD_EXPERIMENTS
    return assignment.assigned_on + timedelta(days=goal_days)


def _blocked(message: OutboxMessage, facts: Facts, policy: Policy) -> str | None:
    purpose = policy.contacts[message.channel].consent_purpose
    standing = [block for block in facts.blocks if block.purpose in (purpose, *EVERYTHING)]
    return standing[0].reason if standing else None


def _first_moment(
    message: OutboxMessage, facts: Facts, policy: Policy, now: datetime
) -> tuple[str, datetime]:
    """Return when the message may go at the earliest, and what it waits for."""
    reason, moment = "not_before", max(message.not_before, now)
    for kind, rule in _rules_of(message, policy):
        counted = [contact for contact in facts.contacts if _counts(kind, contact, policy)]
        allowed = _allowed_from(rule, counted, message.time_zone, now)
        if allowed > moment:
            reason, moment = _reason_of(kind), allowed
    waking = _out_of_quiet_hours(policy.contacts[message.channel], moment, message.time_zone)
    return (reason, moment) if waking == moment else ("quiet_hours", waking)


def _rules_of(message: OutboxMessage, policy: Policy) -> list[tuple[str, ContactRule]]:
    kinds = [message.channel, ANY]
    offer = policy.offers.get(message.offer_id or "")
    # an offer that left the seed while its message waited may still give something away
    if message.coupon_code or (offer.gives_away if offer else message.offer_id is not None):
        kinds.append(OFFER)
    if message.action == COUPON:
        kinds.append(COUPON)
    return [(kind, policy.contacts[kind]) for kind in kinds]


def _counts(kind: str, contact: PastContact, policy: Policy) -> bool:
    if kind == ANY:
        return True
    if kind == COUPON:
        return contact.action == COUPON
    if kind == OFFER:
        offer = policy.offers.get(contact.offer_id or "")
        return bool(contact.coupon_code) or (offer.gives_away if offer else contact.offer_id is not None)
    return contact.channel == kind


def _reason_of(kind: str) -> str:
    return {OFFER: "offer_cap", COUPON: "coupon_cool_down"}.get(kind, "contacted_recently")


def _allowed_from(
    rule: ContactRule, contacts: Sequence[PastContact], time_zone: str, now: datetime
) -> datetime:
    """Return from when a rule allows one more contact; what is being sent counts as sent now."""
    moments = sorted(contact.at or now for contact in contacts)
    allowed = now
    if moments:
        allowed = max(allowed, moments[-1] + timedelta(hours=rule.hours_between))
    # The window is of days of the user's own calendar, today included.
    days = sorted(_local(moment, time_zone).date() for moment in moments)
    if rule.most_in_30_days == 0:
        return datetime.max.replace(tzinfo=now.tzinfo)
    if len(days) >= rule.most_in_30_days:
        leaves = days[-rule.most_in_30_days] + timedelta(days=WINDOW_DAYS)
        allowed = max(allowed, _at_local(leaves, time(), time_zone))
    return allowed


def _out_of_quiet_hours(rule: ContactRule, moment: datetime, time_zone: str) -> datetime:
    """Return the first moment from one on that lies within the channel's hours of the user's day."""
    if moment.year == datetime.max.year:
        return moment
    local = _local(moment, time_zone)
    opens = time(rule.sends_from_hour)
    if local.hour < rule.sends_from_hour:
        return _at_local(local.date(), opens, time_zone)
    if local.hour >= rule.sends_until_hour:
        return _at_local(local.date() + ONE_DAY, opens, time_zone)
    return moment


def _local(moment: datetime, time_zone: str) -> datetime:
    return moment.astimezone(ZoneInfo(time_zone))


def _at_local(day: date, at: time, time_zone: str) -> datetime:
    """Return a clock time of a user's day in UTC; a time that the clocks skip is the one after the gap."""
    return datetime.combine(day, at, ZoneInfo(time_zone)).astimezone(ZoneInfo("UTC"))

"""Taking messages out of the outbox to send them: each by one sender, each checked at that very moment.

The relay and the writers of lists take messages by this one way, so that no door is without the checks.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.engine import Connection

from campaigns.policy import CHANNELS, KEYLESS_CHANNELS, Policy
from campaigns.sending_rules import Facts, Verdict, may_send
from warehouse.ledger import CampaignAssignment, ContactBlock, Ledger, OutboxMessage
from warehouse.ledger.claim_book import PastContact, Ruling
from warehouse.vault import FIELDS, Address

Addresses = Callable[[str, Sequence[str]], Mapping[str, Address]]
STATES = {"suppress": "suppressed", "expire": "expired"}


@dataclass(frozen=True)
class Claimed:
    """Messages that a sender holds now, and what became of those that may not go.

    Attributes
    ----------
    messages : tuple of (OutboxMessage, str or None)
        With the address, where the channel needs one. `attempts` counts those before this one.
    rulings : Counter
        Messages by (state, reason): waiting, suppressed or expired.
    looked_at : int
        Messages that were due; 0 when nothing is.
    """

    messages: tuple[tuple[OutboxMessage, str | None], ...]
    rulings: Counter[tuple[str, str]] = field(default_factory=Counter)
    looked_at: int = 0


def claim_messages(
    ledger: Ledger,
    policy: Policy,
    addresses: Addresses,
    *,
    source: str,
    channel: str,
    worker: str,
    now: datetime,
    limit: int,
    lease: timedelta,
) -> Claimed:
    """Claim messages of one channel that are due and may go.

    One transaction, one at a time per source: claims that were held too long become unknown; due messages
    are locked; consent, blocks, arm, address, caps and quiet hours are asked for each, counting what was
    sent, may have been, and is claimed, by this call too; then claims and rulings are written. What is
    returned is claimed for good when the transaction ends, before anything is sent.

    Parameters
    ----------
    ledger : Ledger
        Is written.
    policy : Policy
        The seeds.
    addresses : callable
        Gives the addresses of users by a channel that needs them (`Vault.addresses`).
    source, channel, worker : str
        Whose messages, by which channel, for whom: a name that no other sender has.
    now : datetime
        In UTC.
    limit : int
        Messages to look at.
    lease : timedelta
        For how long the sender may hold them.
    """
    with ledger.writing() as connection:
        ledger.lock_claims(connection, source)
        keyed = [channel for channel in CHANNELS if channel not in KEYLESS_CHANNELS]
        ledger.free_lost_claims(connection, source, keyed, now)
        ledger.free_lost_claims(connection, source, KEYLESS_CHANNELS, now, state="dead")
        due = ledger.due_messages(connection, source, channel, now, limit)
        if not due:
            return Claimed(())
        going, rulings = judge_messages(connection, ledger, policy, due, addresses=addresses, now=now)
        ledger.claim(connection, [message.message_id for message, _ in going], worker, now + lease)
        ledger.rule(connection, rulings)
    counted = Counter((ruling.state, ruling.reason) for ruling in rulings)
    return Claimed(tuple(going), counted, len(due))


def judge_messages(
    connection: Connection,
    ledger: Ledger,
    policy: Policy,
    messages: Sequence[OutboxMessage],
    *,
    addresses: Addresses,
    now: datetime,
) -> tuple[list[tuple[OutboxMessage, str | None]], list[Ruling]]:
    """Ask every rule for messages of one channel, in the claim's own transaction; nothing is written.

    Returns
    -------
    going : list of (OutboxMessage, str or None)
        Those that may go, with the address, where the channel needs one; each counts for those after it.
    rulings : list of Ruling
        What becomes of the others.
    """
    if not messages:
        return [], []
    known = _Known.about(connection, ledger, policy, messages, addresses=addresses, now=now)
    return _judged(messages, known, policy, now)


@dataclass(frozen=True)
class _Known:
    """Everything that is asked of the users of due messages, read in the claim's own transaction."""

    arms: Mapping[tuple[str, str], str]
    left_alone: Mapping[str, Sequence[CampaignAssignment]]
    blocks: Mapping[str, Sequence[ContactBlock]]
    contacts: dict[str, list[PastContact]]
    addresses: Mapping[str, Address]

    @classmethod
    def about(
        cls,
        connection: Connection,
        ledger: Ledger,
        policy: Policy,
        due: Sequence[OutboxMessage],
        *,
        addresses: Addresses,
        now: datetime,
    ) -> "_Known":
        source, channel = due[0].source, due[0].channel
        users = sorted({message.user_id for message in due})
        hours = max(rule.hours_between for rule in policy.contacts.values())
        since = now - max(timedelta(hours=hours), timedelta(days=32))
        contacts = ledger.contacts_since(connection, source, users, since)
        arms = {
            (experiment_id, user_id): arm
            for experiment_id in sorted({message.experiment_id for message in due})
            for user_id, arm in ledger.arms_of(connection, source, experiment_id, users).items()
        }
        return cls(
            arms=arms,
            left_alone=ledger.left_alone(connection, source, users),
            blocks=ledger.blocks_of(connection, source, users),
            contacts={user: list(found) for user, found in contacts.items()},
            addresses=addresses(channel, users) if channel in FIELDS else {},
        )

    def facts(self, message: OutboxMessage) -> Facts:
        user = message.user_id
        others = [one for one in self.contacts.get(user, ()) if one.message_id != message.message_id]
        return Facts(
            arm=self.arms.get((message.experiment_id, user)),
            left_alone=self.left_alone.get(user, ()),
            blocks=self.blocks.get(user, ()),
            contacts=others,
            address=self.addresses.get(user) if message.channel in FIELDS else None,
        )

    def count(self, message: OutboxMessage) -> None:
        """Count a message as being sent, for those that are judged after it."""
        contact = PastContact(
            message.message_id,
            message.user_id,
            message.channel,
            message.action,
            message.offer_id,
            message.coupon_code,
            None,
        )
        self.contacts.setdefault(message.user_id, []).append(contact)


def _judged(
    due: Sequence[OutboxMessage], known: _Known, policy: Policy, now: datetime
) -> tuple[list[tuple[OutboxMessage, str | None]], list[Ruling]]:
    going: list[tuple[OutboxMessage, str | None]] = []
    rulings = []
    for message in due:
        facts = known.facts(message)
        verdict = may_send(message, facts, policy, now)
        if verdict.kind == "go":
            known.count(message)
            going.append((message, facts.address.value if facts.address else None))
        else:
            rulings.append(_ruling(message, verdict, now))
    return going, rulings


def _ruling(message: OutboxMessage, verdict: Verdict, now: datetime) -> Ruling:
    state = STATES.get(verdict.kind, message.state)
    return Ruling(message.message_id, state, verdict.reason, verdict.until or now)

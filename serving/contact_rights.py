"""Who may be contacted as things are now: what the ledger learnt since the list was made counts.

The lists say who was chosen; consent may have been withdrawn since, a user erased, or drawn into a holdout.
Whoever pulls a list gets it without them, and is told how many and why, never who.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pyarrow as pa

from campaigns.arms import GLOBAL_CONTROL
from campaigns.policy import Policy
from campaigns.sending_rules import EVERYTHING, GOAL_DAYS_OF_OLD_EXPERIMENTS
from warehouse.ledger import ContactBlock, Ledger

HELD_OUT = "held_out"
COLUMNS = pa.schema([("user_id", pa.string()), ("purpose", pa.string()), ("place", pa.int32())])
# Of several reasons the first of these is the one that counts.
REASONS = (
    *("erased", "do_not_contact", "consent_withdrawn", "unsubscribed"),
    *(GLOBAL_CONTROL, HELD_OUT, "objected_to_profiling", "no_consent", "not_released"),
)


@dataclass(frozen=True)
class Withheld:
    """Users who must be left alone now, for one purpose or for all.

    Attributes
    ----------
    users : pyarrow.Table
        ``user_id``, ``purpose`` (NULL: all of them) and ``place`` (of the reason; the smallest counts).
    state : str
        Digest of the rows: another one means another list.
    """

    users: pa.Table
    state: str


class ContactRights:
    """What the ledger knows of who must be left alone.

    Parameters
    ----------
    ledger : Ledger
        Blocks and assignments.
    policy : Policy
        The seeds: which consent a channel asks for, and for how long an experiment holds its users out.
    source : str
        The shop.
    """

    def __init__(self, ledger: Ledger, policy: Policy, source: str) -> None:
        self._ledger = ledger
        self._source = source
        self.goal_days: Mapping[str, int] = {
            one.experiment_id: one.goal_days for one in policy.campaigns.values()
        }
        self.purposes: Mapping[str, str] = {
            channel: rule.consent_purpose
            for channel, rule in policy.contacts.items()
            if rule.consent_purpose is not None
        }

    def withheld(self, day: date) -> Withheld:
        """Return everybody who must be left alone.

        Parameters
        ----------
        day : date
            The day of the list: who is held out of something on that day, or was drawn since, is left alone.
        """
        rows: list[tuple[str, str | None, str]] = [
            (block.user_id, _purpose_of(block), block.reason)
            for block in self._ledger.contact_blocks(self._source)
        ]
        for user_id, experiment_id, arm, assigned_on in self._ledger.everybody_left_alone(self._source):
            if self.is_held_out(experiment_id, arm, assigned_on, day):
                rows.append((user_id, None, GLOBAL_CONTROL if arm == GLOBAL_CONTROL else HELD_OUT))
        rows.sort(key=lambda row: (row[0], row[1] or "", row[2]))
        users, purposes = [row[0] for row in rows], [row[1] for row in rows]
        places = [place_of(reason) for _, _, reason in rows]
        told = hashlib.sha256(repr(rows).encode()).hexdigest()
        return Withheld(pa.table([users, purposes, places], schema=COLUMNS), told)

    def blocked_between(self, first: datetime) -> tuple[str, ...]:
        """Return users a block of whom was lifted after a moment: lists made since may have lacked them."""
        blocks = self._ledger.contact_blocks(self._source, standing_only=False)
        return tuple(
            sorted({one.user_id for one in blocks if one.lifted_at is not None and one.lifted_at >= first})
        )

    def why_not(self, user_id: str, channel: str | None, day: date) -> str | None:
        """Return why one user of a day's list may not be contacted now by a channel, or None."""
        for block in self._ledger.contact_blocks(self._source, user_id=user_id):
            if channel is None or _purpose_of(block) in (None, self.purposes.get(channel)):
                return block.reason
        for one in self._ledger.assignments(self._source, user_id=user_id):
            if one.arm != "treatment" and self.is_held_out(one.experiment_id, one.arm, one.assigned_on, day):
                return GLOBAL_CONTROL if one.arm == GLOBAL_CONTROL else HELD_OUT
        return None

    def is_held_out(self, experiment_id: str, arm: str, assigned_on: date, day: date) -> bool:
        """Say whether an assignment holds a user out on a day."""
        days = self.goal_days.get(experiment_id) or GOAL_DAYS_OF_OLD_EXPERIMENTS
        return arm == GLOBAL_CONTROL or day <= assigned_on + timedelta(days=days)

    def is_held_back(self, day: date, campaign_id: str) -> bool:
        """Say whether a campaign's launch of a day was recorded and may not go (yet)."""
        launches = [
            one
            for one in self._ledger.launches(self._source, as_of_date=day)
            if one.campaign_id == campaign_id
        ]
        return bool(launches) and all(one.state != "released" for one in launches)


def place_of(reason: str) -> int:
    """Return the place of a reason among those that count."""
    return REASONS.index(reason) if reason in REASONS else len(REASONS)


def _purpose_of(block: ContactBlock) -> str | None:
    return None if block.purpose in EVERYTHING else block.purpose

"""What became of messages and launches: read off the ledger, which knows more than the last publish."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from serving.pages.small_cells import FEWEST_USERS
from warehouse.ledger import CampaignLaunch, CouponBudget, Ledger

#: States of a message in the order in which it may go through them.
STATES = ("held", "pending", "claimed", "unknown", "sent", "dead", "suppressed", "expired", "cancelled")
DAYS_SHOWN = 7
REASONS_SHOWN = 10


@dataclass(frozen=True)
class Sent:
    """Messages of a day, campaign and channel by state.

    Attributes
    ----------
    states : mapping of str to int
        How many are in each state; states of few messages are left out for those who see no single user.
    """

    as_of_date: date
    campaign_id: str
    channel: str
    launch: str
    states: Mapping[str, int]
    is_cut: bool


@dataclass(frozen=True)
class Messages:
    """What the ledger knows of campaigns: the state of the outbox, why some did not go, and the budgets."""

    waiting: Sequence[CampaignLaunch]
    days: Sequence[Sent]
    reasons: Sequence[tuple[tuple[str, str], int]]
    budgets: Sequence[CouponBudget]

    @property
    def is_empty(self) -> bool:
        """Whether nothing was ever handed to the outbox."""
        return not (self.waiting or self.days)

    @property
    def states(self) -> Sequence[str]:
        """States that any message is in, in the order in which messages go through them."""
        found = {state for one in self.days for state in one.states}
        return [state for state in STATES if state in found]


def messages_of(ledger: Ledger, source: str, *, is_masked: bool) -> Messages:
    """Return the outbox as it stands.

    Parameters
    ----------
    ledger : Ledger
        The ledger.
    source : str
        The shop.
    is_masked : bool
        Whether the reader sees no single user: then counts below ten are left out.
    """
    launches = ledger.launches(source)
    states = {(one.as_of_date, one.campaign_id): one.state for one in launches}
    counts = ledger.message_counts(source)
    by_line: dict[tuple[date, str, str], Counter[str]] = {}
    for (day, campaign_id, channel, state), count in counts.items():
        by_line.setdefault((day, campaign_id, channel), Counter())[state] += count
    newest_days = sorted({day for day, _, _ in by_line})[-DAYS_SHOWN:]
    fewest = FEWEST_USERS if is_masked else 1
    days = []
    for (day, campaign_id, channel), found in sorted(by_line.items(), reverse=True):
        if day in newest_days:
            shown = {state: count for state, count in found.items() if count >= fewest}
            launch = states.get((day, campaign_id), "")
            days.append(Sent(day, campaign_id, channel, launch, shown, is_cut=len(shown) < len(found)))
    reasons = ledger.message_reasons(source, as_of_date=newest_days[-1]) if newest_days else []
    return Messages(
        waiting=[one for one in launches if one.state == "awaiting_approval"],
        days=days,
        reasons=[(why, count) for why, count in reasons if count >= fewest][:REASONS_SHOWN],
        budgets=ledger.coupon_budgets(source),
    )

"""How many of those chosen a campaign may take on: pure, best first, whatever arm they are in."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from campaigns.decisions import Audience, Chosen
from campaigns.policy import Campaign, ContactRule

# Sums of cents must not miss a limit by their rounding.
TOLERANCE = 1e-6


@dataclass
class Planned:
    """What is planned already, by this run or earlier ones; grows as campaigns are taken on.

    Attributes
    ----------
    by_channel : dict
        Contacts of the day by channel.
    """

    by_channel: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Spent:
    """What a campaign has planned before: contacts of the day, cost of the day, cost in all."""

    contacts_today: int = 0
    cost_today: float = 0.0
    cost: float = 0.0


@dataclass(frozen=True)
class Admission:
    """Who is taken on.

    Attributes
    ----------
    taken : tuple of Chosen
        Best first.
    left_out : mapping
        Users by the limit that leaves them out.
    refusal : str or None
        Why the campaign rests for the day; then nobody is taken on.
    """

    taken: tuple[Chosen, ...]
    left_out: Mapping[str, int]
    refusal: str | None = None


def admit(
    campaign: Campaign,
    contacts: Mapping[str, ContactRule],
    chosen: Sequence[Chosen],
    *,
    audience: Audience | None,
    held_out: Collection[str],
    standing: Collection[str],
    spent: Spent,
    planned: Planned,
) -> Admission:
    """Take on those chosen as far as audience, capacity and budget go.

    Everybody needs room at their rank, whatever their arm; only those who will be treated use up capacity and
    money, which are those of real contacts. So who is taken on never depends on the own arm.

    Parameters
    ----------
    campaign : Campaign
        Its limits.
    contacts : mapping
        The channels' rules, for their daily capacity.
    chosen : sequence of Chosen
        Best first.
    audience : Audience or None
        What the power calculation said; without it the audience is who was chosen.
    held_out : collection of str
        Users who get nothing: they use no room up.
    standing : collection of str
        Users who were taken on before: their message of the day is counted in `spent` and `planned`.
    spent, planned : Spent, Planned
        What is planned before; `planned` is counted up.
    """
    refusal = _refusal(campaign, chosen, audience)
    if refusal is not None:
        return Admission((), {}, refusal)
    taken: list[Chosen] = []
    left_out: Counter[str] = Counter()
    today = spent.contacts_today
    room = _Room(campaign, contacts, planned, today, today, spent.cost_today, spent.cost)
    for one in chosen:
        limit = None if one.user_id in standing else room.limit_reached(one)
        if limit is not None:
            left_out[limit] += 1
            continue
        if one.user_id not in standing:
            room.take(one, is_treated=one.user_id not in held_out)
        taken.append(one)
    return Admission(tuple(taken), dict(left_out))


@dataclass
class _Room:
    """What is left of a campaign's limits, as users are taken on."""

    campaign: Campaign
    contacts: Mapping[str, ContactRule]
    planned: Planned
    audience: int
    users: int
    cost_today: float
    cost: float

    def limit_reached(self, one: Chosen) -> str | None:
        campaign, capacity = self.campaign, self.contacts[one.channel].daily_capacity
        if self.audience >= campaign.maximum_audience:
            return "maximum audience"
        if campaign.daily_capacity is not None and self.users >= campaign.daily_capacity:
            return "daily capacity of the campaign"
        if capacity is not None and self.planned.by_channel[one.channel] >= capacity:
            return f"daily capacity of {one.channel}"
        if self.cost_today + one.cost > campaign.budget_per_day + TOLERANCE:
            return "budget per day"
        if self.cost + one.cost > campaign.budget + TOLERANCE:
            return "budget"
        return None

    def take(self, one: Chosen, *, is_treated: bool) -> None:
        self.audience += 1
        if not is_treated:
            return
        self.users += 1
        self.cost_today += one.cost
        self.cost += one.cost
        self.planned.by_channel[one.channel] += 1


def _refusal(campaign: Campaign, chosen: Sequence[Chosen], audience: Audience | None) -> str | None:
    if not campaign.is_enabled:
        return "the campaign is switched off"
    if audience is not None and audience.status == "silly":
        return f"the design is refused: {audience.reason}"
    reached = audience.users if audience is not None else len(chosen)
    if reached < campaign.minimum_audience:
        return f"the audience of {reached} users is smaller than {campaign.minimum_audience}"
    return None

"""The choice itself: learned campaigns by value, the others in the order of the seed (arrays in and out)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from campaigns.policy import Policy
from ml.uplift.budgeted_policy import Plan, plan_actions, plan_in_order
from ml.uplift.options import Cap, Options

LEARNED, SEED = "learned", "seed"


@dataclass(frozen=True)
class CampaignChoices:
    """What was chosen of one campaign.

    Attributes
    ----------
    campaign_id : str
        The campaign.
    policy_mode : str
        learned or seed.
    users_eligible, users_chosen : int
        How many might have been chosen, and how many were, held-out ones among them.
    expected_net_value, expected_cost : float
        Of the chosen who are expected to be treated, in money.
    dropped : str
        Why nobody was chosen, where the campaign was left out; empty otherwise.
    """

    campaign_id: str
    policy_mode: str
    users_eligible: int
    users_chosen: int
    expected_net_value: float
    expected_cost: float
    dropped: str = ""


@dataclass(frozen=True)
class OptionTable:
    """The eligible options of a day.

    Attributes
    ----------
    options : Options
        Campaigns are numbered as in the policy, channels as in its contact rules.
    is_learned : array of bool, shape (options,)
        Whether the expected net value was learnt.
    risk, worth : array, shape (options,)
        Churn probability and value if staying.
    """

    options: Options
    is_learned: NDArray[np.bool_]
    risk: NDArray[np.float64]
    worth: NDArray[np.float64]


@dataclass(frozen=True)
class ChosenOptions:
    """Positions of the chosen options, first chosen first, and what they come to."""

    order: NDArray[np.int64]
    learned: int
    campaigns: tuple[CampaignChoices, ...]
    loss_at_most: float


def caps_of(policy: Policy, spent: Mapping[str, float]) -> list[Cap]:
    """Return every limit of a day.

    Parameters
    ----------
    policy : Policy
        What the seeds say.
    spent : mapping of str to float
        Money that each campaign spent before the day.
    """
    caps = []
    for number, campaign in enumerate(policy.campaigns.values()):
        name = campaign.campaign_id
        left = max(0.0, campaign.budget - spent.get(name, 0.0))
        caps.append(Cap(f"{name}: maximum_audience", campaign.maximum_audience, "users", campaign=number))
        caps.append(Cap(f"{name}: budget", min(left, campaign.budget_per_day), "cost", campaign=number))
        if campaign.daily_capacity is not None:
            caps.append(Cap(f"{name}: daily_capacity", campaign.daily_capacity, "treated", campaign=number))
    for number, rule in enumerate(policy.contacts.values()):
        if rule.daily_capacity is not None:
            caps.append(
                Cap(f"{rule.channel}: daily_capacity", rule.daily_capacity, "treated", channel=number)
            )
    return caps


def choose_options(table: OptionTable, policy: Policy, spent: Mapping[str, float]) -> ChosenOptions:
    """Choose among the options of a day (arrays in, positions out); the same input gives the same choice."""
    options, caps = table.options, caps_of(policy, spent)
    minimum = {number: one.minimum_audience for number, one in enumerate(policy.campaigns.values())}
    learned_campaigns = np.unique(options.campaign[table.is_learned])
    # a campaign is decided in one way: who was not scored by its model is left alone
    by_value = np.flatnonzero(table.is_learned)
    first = plan_actions(options.of(by_value), caps, minimum=_of(minimum, learned_campaigns))
    placed = by_value[first.chosen]
    is_free = ~np.isin(options.user, options.user[placed])
    by_order = np.flatnonzero(is_free & ~np.isin(options.campaign, learned_campaigns))
    others = np.setdiff1d(np.unique(options.campaign), learned_campaigns)
    rest = plan_in_order(
        options.of(by_order),
        _left_of(caps, options.of(placed)),
        _seed_order(table)[by_order],
        minimum=_of(minimum, others),
    )
    order = np.concatenate([placed, by_order[rest.chosen]])
    return ChosenOptions(
        order, len(placed), _told(table, policy, order, [first, rest], learned_campaigns), first.loss_at_most
    )


def _seed_order(table: OptionTable) -> NDArray[np.float64]:
    """Return the order of the seed: priority of the campaign, then risk, then worth, then the user."""
    score = np.empty(len(table.options))
    ranked = np.lexsort((-table.worth, -table.risk, table.options.campaign))
    score[ranked] = -np.arange(len(ranked), dtype=np.float64)
    return score


def _left_of(caps: Sequence[Cap], taken: Options) -> list[Cap]:
    return [replace(cap, limit=max(0.0, cap.limit - float(cap.load(taken).sum()))) for cap in caps]


def _of(minimum: Mapping[int, int], campaigns: NDArray[np.int64]) -> dict[int, int]:
    return {int(one): minimum[int(one)] for one in campaigns}


def _told(
    table: OptionTable,
    policy: Policy,
    order: NDArray[np.int64],
    plans: Sequence[Plan],
    learned_campaigns: NDArray[np.int64],
) -> tuple[CampaignChoices, ...]:
    options = table.options
    dropped = {number: why for plan in plans for number, why in plan.dropped.items()}
    told = []
    for number, campaign_id in enumerate(policy.campaigns):
        eligible = options.campaign == number
        rows = order[eligible[order]]
        if eligible.any():
            told.append(
                CampaignChoices(
                    campaign_id=campaign_id,
                    policy_mode=LEARNED if number in learned_campaigns else SEED,
                    users_eligible=int(eligible.sum()),
                    users_chosen=len(rows),
                    expected_net_value=float(options.gain[rows].sum()),
                    expected_cost=float((options.cost[rows] * options.treated[rows]).sum()),
                    dropped=dropped.get(number, ""),
                )
            )
    return tuple(told)

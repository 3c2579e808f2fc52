"""What only the simulator can know: the world without campaigns, a policy that knows the truth, and worth."""

import datetime as dt
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from campaigns.arms import TREATMENT, arm, bucket
from campaigns.policy import Campaign, Policy
from closed_loop.lives import Floats, Whole, margin_by_day
from closed_loop.reached import SCHEMA
from closed_loop.shop import REST_DAYS
from closed_loop.sizes import Size
from ml.uplift.budgeted_policy import plan_actions
from ml.uplift.options import Cap, Options
from sample_shop.behaviour import Life
from sample_shop.interventions import OUTLETS, PURPOSE_OF, Interventions
from sample_shop.people import People, people_of
from sample_shop.shop import Shop
from sample_shop.state import Lives
from sample_shop.world import World
from sample_shop.worth import Offer, worth_of

ELIGIBLE_DAYS = 180
WITHIN_DAYS = 30
CALENDAR_DAYS = 100
SENT_AT = dt.time(10)


@dataclass(frozen=True)
class Lived:
    """A world that was lived to its end.

    Attributes
    ----------
    lives : Lives
        What its users did.
    margin : array, shape (days,)
        What the shop kept of each day's orders, in CNY.
    cost : array, shape (days,)
        What contacts cost, by the day on which they arrived.
    rounds : pandas.DataFrame
        day (number of the round's day), action, channel, users, worth: what was delivered on the day after,
        and its worth by the laws within WITHIN_DAYS, contacts paid.
    """

    shop: Shop
    people: People
    lives: Lives
    margin: Floats
    cost: Floats
    rounds: pd.DataFrame


def live_with(world: World, size: Size, messages: pa.Table | None, policy: Policy) -> Lived:
    """Live a world again with what reached its users, and value each delivery when it was made."""
    shop = Shop.open(world, size.last_day + CALENDAR_DAYS)
    people = people_of(world, shop.chance, 0, world.signed_up_through(size.last_day), size.last_day)
    life = Life(shop, people)
    sent = SCHEMA.empty_table() if messages is None else messages
    life.receive(_interventions(world, sent))
    frame = sent.to_pandas()
    frame["day"] = [world.day(at.date()) for at in frame["sent_at"]]
    valued = []
    for day, of_day in frame.groupby("day"):
        life.go_on(int(day) - 1)
        for (action, channel, campaign), group in of_day.groupby(["action", "channel", "campaign_id"]):
            offer = _offer(policy, policy.campaign(str(campaign)), str(channel))
            who = np.array([int(user[1:]) for user in group["user_id"]], dtype=np.int64)
            worth = worth_of(shop, people, life.state, int(day) - 1, who=who, offer=offer)
            net = float(worth["extra_margin"].sum() - group["cost"].sum())
            valued.append((int(day) - 1, action, channel, len(group), net))
    life.go_on(size.last_day)
    lives, days = life.so_far(), size.last_day + 1
    return Lived(
        shop=life.shop,
        people=people,
        lives=lives,
        margin=margin_by_day(life.shop, people, lives, days),
        cost=_by_day(frame, days),
        rounds=pd.DataFrame(valued, columns=["day", "action", "channel", "users", "worth"]),
    )


def oracle(
    world: World, size: Size, policy: Policy, tell: Callable[[int, str], None] = lambda _step, _what: None
) -> pa.Table:
    """Return what a policy delivers that knows every user's latent state and the laws.

    It has the same campaigns, arms, capacities, rests and consents as the others, and the same linear
    programme; what it has instead of an estimate is the truth.
    """
    shop = Shop.open(world, size.last_day + CALENDAR_DAYS)
    people = people_of(world, shop.chance, 0, world.signed_up_through(size.last_day), size.last_day)
    life, sent = Life(shop, people), SCHEMA.empty_table()
    rests_until = np.full(people.count, -1)
    names = [f"u{number:07d}" for number in people.number]
    control = policy.global_control
    is_free = np.array(
        [bucket(control.salt, control.experiment_id, name) >= control.holdout_share for name in names]
    )
    for number in range(size.rounds):
        tell(number, "the truth chooses")
        day = size.round_day(number)
        life.receive(_interventions(world, sent))
        life.go_on(day)
        ordered = day - life.state.last_order <= ELIGIBLE_DAYS
        who = np.flatnonzero(is_free & ordered & (rests_until <= day))
        rows = _chosen(life, day, who, world=world, policy=policy, names=names)
        rests_until[[int(str(row["user_id"])[1:]) for row in rows]] = day + REST_DAYS
        treated = [row for row in rows if row.pop("arm") == TREATMENT]
        sent = pa.concat_tables([sent, pa.Table.from_pylist(treated, schema=SCHEMA)])
    return sent


def _by_day(messages: pd.DataFrame, days: int) -> Floats:
    day = messages["day"].to_numpy(dtype=np.int64)
    cost = messages["cost"].to_numpy(dtype=np.float64)
    return np.bincount(day, weights=cost, minlength=days)[:days].astype(np.float64)


def _chosen(
    life: Life, day: int, who: Whole, *, world: World, policy: Policy, names: list[str]
) -> list[dict[str, object]]:
    """Choose for a day by true worth; the rows of everybody chosen, arms drawn."""
    campaigns = list(policy.campaigns.values())
    user, campaign_of, channel_of, value, cost = [], [], [], [], []
    for place, campaign in enumerate(campaigns):
        best, best_channel, contact = _best_channel(life, day, who, policy, campaign)
        possible = np.flatnonzero(best > 0)
        user.append(possible)
        campaign_of.append(np.full(len(possible), place))
        channel_of.append(best_channel[possible])
        value.append(best[possible])
        cost.append(contact[possible])
    ordered = np.lexsort([np.concatenate(campaign_of), np.concatenate(user)])
    columns = [np.concatenate(part)[ordered] for part in (user, campaign_of, channel_of, value, cost)]
    _, position = np.unique(columns[0], return_inverse=True)
    shares = np.array([1.0 - campaign.holdout_share for campaign in campaigns])
    options = Options(position, columns[1], columns[2], columns[3], columns[4], shares[columns[1]])
    caps = [
        Cap(f"{one.campaign_id}: daily_capacity", one.daily_capacity, "treated", campaign=place)
        for place, one in enumerate(campaigns)
        if one.daily_capacity is not None
    ]
    plan = plan_actions(options, caps)
    moment = dt.datetime.combine(world.date(day + 1), SENT_AT)
    rows: list[dict[str, object]] = []
    treated: Counter[str] = Counter()
    # the plan keeps capacities in expectation; as when the product launches, contacts fill them, best first
    for option in sorted(plan.chosen, key=lambda one: -columns[3][one]):
        campaign, name = campaigns[columns[1][option]], names[who[columns[0][option]]]
        if campaign.daily_capacity is not None and treated[campaign.campaign_id] >= campaign.daily_capacity:
            continue
        drawn = arm(campaign.salt, campaign.experiment_id, name, campaign.holdout_share)
        treated[campaign.campaign_id] += drawn == TREATMENT
        offer = policy.offers[campaign.offer_id]
        gives = offer.face_value if offer.face_value > 0 else None
        rows.append(
            {
                "message_id": f"oracle-{day}-{name}",
                "user_id": name,
                "sent_at": moment,
                "action": campaign.action,
                "channel": OUTLETS[columns[2][option]],
                "campaign_id": campaign.campaign_id,
                "coupon_code": f"ORACLE-{day}-{name}" if gives else None,
                "face_value": gives,
                "expires_on": world.date(day + offer.valid_days) if gives else None,
                "cost": float(columns[4][option]),
                "arm": drawn,
            }
        )
    return rows


def _best_channel(
    life: Life, day: int, who: Whole, policy: Policy, campaign: Campaign
) -> tuple[Floats, Whole, Floats]:
    """Return per user what the campaign is worth by its best channel, that channel, and its cost."""
    best, channel, cost = np.full(len(who), -np.inf), np.zeros(len(who), dtype=np.int64), np.zeros(len(who))
    for name in campaign.channels:
        outlet, contact = OUTLETS.index(name), policy.contacts[name].contact_cost
        worth = worth_of(
            life.shop, life.people, life.state, day, who=who, offer=_offer(policy, campaign, name)
        )
        granted = life.state.granted[who, PURPOSE_OF[outlet]]
        net = np.where(granted, worth["extra_margin"] - contact, -np.inf)
        better = net > best
        best[better], channel[better], cost[better] = net[better], outlet, contact
    return best, channel, cost


def _offer(policy: Policy, campaign: Campaign, channel: str) -> Offer:
    offer = policy.offers[campaign.offer_id]
    return Offer(campaign.action, channel, round(offer.face_value * 100), offer.valid_days, WITHIN_DAYS)


def _interventions(world: World, messages: pa.Table) -> Interventions:
    return Interventions.of(messages, first_day=world.first_day, signed_up=world.signed_up_through)


def earned(lived: Lived, alone: Lived, first_day: int, last_day: int) -> float:
    """Return what campaigns brought from day to day: margin above the world without them, contacts paid."""
    span = slice(first_day, last_day + 1)
    return float((lived.margin - alone.margin - lived.cost)[span].sum())


def worth_delivered(lived: Lived, first_day: int) -> float:
    """Return the worth, by the laws, of what was decided from a day on."""
    rounds = lived.rounds
    return float(rounds.loc[rounds["day"] >= first_day, "worth"].sum())

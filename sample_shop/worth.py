"""What an action is worth to the shop for each user, worked out from the laws.

The mass of a user is followed day by day: engaged or fading, without a wish or waiting for the order that a
wish becomes. Where an order puts the user back, the appetite begins anew; of the days since the last order
only their mean effect on appetite is kept, which is what makes this cheap. So orders expected are near
those of the laws and not exact, unlike the true churn probability (`forecast`). Shocks of orders to come are
left out.

    worth = P(noticed) * (margin of the orders expected with the action - without it - coupon redeemed)

The cost of the contact itself is the caller's to subtract.
"""

from dataclasses import dataclass

import numpy as np

from sample_shop import demand, reaction
from sample_shop.browsing import basket, lines_of
from sample_shop.chance import Columns, Floats, Ints
from sample_shop.clock import DAY
from sample_shop.interventions import ACTIONS, OUTLETS
from sample_shop.people import People
from sample_shop.seasons import CAMPAIGN_SHARE, CATEGORIES
from sample_shop.service import REACH_DAYS
from sample_shop.shop import Shop
from sample_shop.state import ENGAGED, FADING, GONE, State

# of the price before discounts, what is left after the cost of goods; discounts come off it in full
MARGIN_SHARE = 0.40
WORTH_COLUMNS = ("action", "channel", "face", "noticed", "extra_margin", "extra_orders", "saved")
_LONG_AGO = 10_000
_BASKETS = 400


@dataclass(frozen=True)
class Offer:
    """Something that can be delivered to a user.

    Attributes
    ----------
    action, channel : str
        Words of ACTIONS and OUTLETS.
    face : int
        Face value of its coupon in cents, 0 without one.
    valid_days : int
        Days in which the coupon can be used.
    within_days : int
        Days of which orders are counted, from the day of delivery on.
    """

    action: str
    channel: str
    face: int = 0
    valid_days: int = 14
    within_days: int = 30


@dataclass
class _Mass:
    """How likely each user is in each phase, without a wish and with one, and how sated."""

    calm: list[Floats]
    sated: list[Floats]
    coming: list[Floats]  # per phase: days ahead x users
    buys: Floats
    fades: Floats
    until: Ints


def worth_of(shop: Shop, people: People, state: State, day: int, *, who: Ints, offer: Offer) -> Columns:
    """Return what an offer delivered on the day after ``day`` is worth (WORTH_COLUMNS, one element per user).

    ``extra_margin`` is in CNY, after the coupon and before the cost of the contact; ``extra_orders`` are the
    orders expected beyond those without the offer; ``saved`` is by how much P(no order) falls.
    """
    ahead = offer.within_days
    action = np.full(len(who), ACTIONS.index(offer.action))
    channel = np.full(len(who), OUTLETS.index(offer.channel))
    phase, satisfaction = state.phase[who], state.satisfaction[who]
    noticed = reaction.chance_to_notice(people, who, channel, phase)
    does = reaction.reaction_of(people, who, day + 1, action, satisfaction)
    engaged = np.where(phase == FADING, does.comes_back, np.where(phase == ENGAGED, 1.0 - does.gives_up, 0.0))
    until = np.full(len(who), day + reaction.WORKS_DAYS)
    with_it = (engaged, does.satisfaction, does.buys, does.fades, until)
    without = (
        (phase == ENGAGED) * 1.0,
        satisfaction,
        state.buys[who],
        state.fades[who],
        state.moved_until[who],
    )
    orders, buyers = (
        [
            _orders(shop, people, state, day, who=who, begins=one, ahead=ahead, first_only=first_only)
            for one in (without, with_it)
        ]
        for first_only in (False, True)
    )
    earned, taken_off = _baskets(shop, offer.face)
    favourite = people.favourite[who]
    extra = noticed * (orders[1][-1] - orders[0][-1])
    redeems = buyers[1][min(offer.valid_days, ahead)] * reaction.chance_to_redeem(people, who)
    coupon = noticed * redeems * taken_off[favourite]
    gone = phase == GONE
    return {
        "action": action,
        "channel": channel,
        "face": np.full(len(who), offer.face),
        "noticed": noticed,
        "extra_margin": np.where(gone, 0.0, extra * earned[favourite] - coupon),
        "extra_orders": np.where(gone, 0.0, extra),
        "saved": np.where(gone, 0.0, noticed * (buyers[1][-1] - buyers[0][-1])),
    }


def _orders(
    shop: Shop,
    people: People,
    state: State,
    day: int,
    *,
    who: Ints,
    begins: tuple[Floats, Floats, Floats, Floats, Ints],
    ahead: int,
    first_only: bool,
) -> Floats:
    """Return orders expected within 0..ahead days (days + 1 x users), or the probability of a first one."""
    engaged, satisfaction, buys, fades, until = begins
    seasons, here = shop.seasons, state.phase[who] != GONE
    waits, last_order = state.planned[who] - day, state.last_order[who]
    shares = [engaged * here, (1.0 - engaged) * here]
    calm = waits < 0
    sated = np.exp((day + 1 - last_order) / -16.0)
    mass = _Mass(
        calm=[share * calm for share in shares],
        sated=[share * calm * sated for share in shares],
        coming=[np.array([share * (waits == k) for k in range(1, 6)]) for share in shares],
        buys=buys,
        fades=fades,
        until=until,
    )
    total = np.zeros((ahead + 1, len(who)))
    touched = CAMPAIGN_SHARE * people.reachable[who]
    own_buys = 1.0 + touched * (demand.buying_response(people)[who] - 1.0)
    own_fades = 1.0 + touched * (demand.fading_response(people)[who] - 1.0)
    for step in range(1, ahead + 1):
        t = day + step
        shock = state.coming[t % REACH_DAYS][who] if step < REACH_DAYS else np.zeros(len(who))
        satisfaction = demand.next_satisfaction(satisfaction, people.base_satisfaction[who], shock)
        wish_rate = demand.purchase_rate(
            people.rate[who],
            price_sensitivity=people.price_sensitivity[who],
            satisfaction=satisfaction,
            days_since=np.full(len(who), _LONG_AGO),
            season=seasons.demand[t],
            deal=seasons.deal[t],
        )
        hazard = demand.fade_hazard(people.fade[who], satisfaction)
        holds = until >= t
        runs = seasons.campaign_running_on(t)
        wish_rate *= demand.where(holds, mass.buys) * (own_buys if runs else 1.0)
        hazard *= demand.where(holds, mass.fades) * (own_fades if runs else 1.0)
        total[step] = total[step - 1] + _one_day(mass, wish_rate, demand.chance_of(hazard), first_only)
    return total


def _one_day(mass: _Mass, wish_rate: Floats, fading: Floats, first_only: bool) -> Floats:
    """Carry the mass through one day; return the orders of the day."""
    placed = np.zeros_like(wish_rate)
    for phase, share in enumerate((1.0, demand.FADING_BUYS)):
        calm, queue = mass.calm[phase], mass.coming[phase]
        sated = np.divide(mass.sated[phase], calm, out=np.zeros_like(calm), where=calm > 0)
        wish = demand.chance_of(wish_rate * share * (1.0 - 0.75 * sated))
        for delay, part in enumerate(demand.DELAY_SHARES):
            queue[delay] += calm * wish * part
        orders = queue[0].copy()
        queue[:-1] = queue[1:]
        queue[-1] = 0.0
        back = 0.0 if first_only else orders
        mass.calm[phase] = calm * (1.0 - wish) + back
        mass.sated[phase] = mass.sated[phase] * (1.0 - wish) + back
        placed += orders
    for kept in (mass.calm, mass.sated):
        starts = kept[0] * fading
        kept[0] = kept[0] - starts
        kept[1] = kept[1] * (1.0 - demand.DROP_OUT_PER_DAY) + starts
    mass.sated = [part * np.exp(-1.0 / 16.0) for part in mass.sated]
    return placed


def _baskets(shop: Shop, face: int) -> tuple[Floats, Floats]:
    """Return per favourite category an order's margin, and what a coupon takes off, in CNY on average."""
    favourite = np.repeat(np.arange(len(CATEGORIES)), _BASKETS)
    nobody = np.arange(len(favourite)) + 5_000_000
    never = np.full(len(favourite), 100 * DAY)
    lines = lines_of(shop.chance, nobody, never)
    order = np.repeat(np.arange(len(lines)), lines)
    first = np.cumsum(lines) - lines
    line = np.arange(len(order)) - first[order]
    product = basket(shop, favourite[order], nobody[order], never[order], line)
    usual_quantity = 1.27
    gross = np.bincount(order, weights=shop.catalogue.price_cents[product] * usual_quantity)
    usual_deal = float(shop.seasons.category_deal.mean())
    earned = gross * (MARGIN_SHARE - usual_deal)
    off = np.minimum(face, gross * (1.0 - usual_deal) / 3.0)
    by_category = [np.bincount(favourite, weights=values) / _BASKETS / 100.0 for values in (earned, off)]
    return by_category[0], by_category[1]

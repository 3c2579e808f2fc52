"""The true probability of no paid order, worked out from a user's latent state.

Until the next paid order nothing about a user's path is random but the wish to buy, fading, dropping
out and being touched by a campaign: satisfaction follows a known path (all consequences of past orders
were decided with them). So the probability comes from a recursion over the days after the date, with
the mass of users without a wish split by phase (engaged, fading) and by touch (yes, no). What campaigns
from outside delivered by that day goes on working until its own last day; later ones are not foreseen:

    P(no paid order within H) = 1 - sum over t <= H of  a_t(wish on day t) * P(delay <= H - t)

where a_t is the mass times its probability of a wish. A pending wish gives 0, a drop-out 1. The value is
exact for the generative model; no sampling is involved.
"""

import numpy as np

from sample_shop import demand
from sample_shop.chance import Flags, Floats, Ints
from sample_shop.people import People
from sample_shop.seasons import CAMPAIGN_SHARE, Seasons
from sample_shop.service import REACH_DAYS

HORIZONS = (30, 60, 90)


def probability_of_no_order(
    day: int,
    who: Ints,
    people: People,
    seasons: Seasons,
    *,
    satisfaction: Floats,
    coming: Floats,
    last_order: Ints,
    fading: Flags,
    touched: Flags,
    waiting: Flags,
    moved: tuple[Floats, Floats, Ints],
) -> Floats:
    """Return the true probability for each horizon (users x len(HORIZONS)) at the end of ``day``.

    Parameters
    ----------
    who : numpy.ndarray
        Positions in ``people`` of signed-up users who have not dropped out.
    satisfaction, last_order, fading, touched, waiting : numpy.ndarray
        State of those users; ``waiting`` means a wish that has not become an order yet.
    coming : numpy.ndarray
        REACH_DAYS x users: shocks on satisfaction already decided, by day modulo REACH_DAYS.
    moved : tuple
        Factors on buying and on fading of the last intervention noticed, and its last day.
    """
    rate, fade = people.rate[who], people.fade[who]
    price_sensitivity, base = people.price_sensitivity[who], people.base_satisfaction[who]
    reachable = people.reachable[who]
    buying, leaving = demand.buying_response(people)[who], demand.fading_response(people)[who]
    arrived = np.cumsum(demand.DELAY_SHARES)
    # by phase (engaged, fading), then by touch (no, yes)
    mass: list[list[Floats]] = [
        [np.asarray(in_phase & in_touch, dtype=np.float64) for in_touch in (~touched, touched)]
        for in_phase in (~fading, fading)
    ]
    wishes = np.zeros((HORIZONS[-1] + 1, len(who)))
    for ahead in range(1, HORIZONS[-1] + 1):
        t = day + ahead
        shock = coming[t % REACH_DAYS] if ahead < REACH_DAYS else np.zeros(len(who))
        satisfaction = demand.next_satisfaction(satisfaction, base, shock)
        _mix(mass, t, reachable, seasons)
        running = seasons.campaign_running_on(t)
        wish_rate = demand.purchase_rate(
            rate,
            price_sensitivity=price_sensitivity,
            satisfaction=satisfaction,
            days_since=t - last_order,
            season=seasons.demand[t],
            deal=seasons.deal[t],
        )
        hazard = demand.fade_hazard(fade, satisfaction) * demand.where(moved[2] >= t, moved[1])
        wish_rate *= demand.where(moved[2] >= t, moved[0])
        for touch in range(2 if running else 1):
            lift, push = (buying, leaving) if touch else (1.0, 1.0)
            for phase, share in enumerate((1.0, demand.FADING_BUYS)):
                wish = mass[phase][touch] * demand.chance_of(wish_rate * share * lift)
                wishes[ahead] += wish
                mass[phase][touch] = mass[phase][touch] - wish
            starts_fading = mass[0][touch] * demand.chance_of(hazard * push)
            mass[0][touch] = mass[0][touch] - starts_fading
            mass[1][touch] = mass[1][touch] * (1.0 - demand.DROP_OUT_PER_DAY) + starts_fading
    result = np.empty((len(who), len(HORIZONS)))
    for column, horizon in enumerate(HORIZONS):
        served = np.array([arrived[min(horizon - t, len(arrived) - 1)] for t in range(1, horizon + 1)])
        result[:, column] = 1.0 - served @ wishes[1 : horizon + 1]
    result[waiting] = 0.0
    return np.clip(result, 0.0, 1.0)


def _mix(mass: list[list[Floats]], day: int, reachable: Flags, seasons: Seasons) -> None:
    """Redraw who is touched when a campaign starts; forget it when its window ends."""
    starts = seasons.campaign_started_on(day) >= 0
    if not starts and (seasons.campaign_running_on(day) or not seasons.campaign_running_on(day - 1)):
        return
    share = CAMPAIGN_SHARE * reachable if starts else np.zeros(len(reachable))
    for phase in mass:
        total = phase[0] + phase[1]
        phase[1] = total * share
        phase[0] = total - phase[1]

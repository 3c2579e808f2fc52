"""What can be known of churn in the simulated shop: every law of it, but of its users only what it delivers.

The true churn probability knows who has silently left, and how often each user wishes to buy. Nobody who sees
a few orders and visits can know that, however good the model: so a model is compared with an observer who
knows how the shop was made (the laws and numbers of `sample_shop.demand`, `behaviour` and `people`), and
follows each user day by day, with a belief over the user's hidden traits and over what the user is doing:

    engaged --wish--> waiting --order--> engaged,   engaged --> fading --> gone

A belief is what remains of the prior after every day with an order, with a visit or with nothing (the forward
pass of a hidden Markov model, for each combination of traits). Left out are what little moves a user beside
that: campaigns, and what parcels and complaints do to satisfaction.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.stats import gamma, norm

from sample_shop import behaviour, demand, people
from sample_shop.seasons import Seasons

Floats = NDArray[np.float64]
NOTHING, VISIT, ORDER = range(3)
# What is usual; a finer grid, and one over satisfaction too, changed the AUC by less than .001.
PRICE_SENSITIVITY, SATISFACTION = 0.4, 0.0
RATES, BROWSINGS, FADES = 5, 3, 2
NEVER = -1_000
# Of the wishes that are not orders yet, those that become one on a day: the same mean delay.
ORDERS_TODAY = demand.DELAY_SHARES[0]


def _middles(quantile: object, parts: int) -> Floats:
    """Return the middles of equally likely parts of a distribution."""
    return np.asarray(quantile((np.arange(parts) + 0.5) / parts))  # type: ignore[operator]


@dataclass(frozen=True)
class Traits:
    """Combinations of hidden traits, and how common each is; arrays of shape (combinations,)."""

    rate: Floats
    fade: Floats
    browsing: Floats
    share: Floats

    @classmethod
    def possible(cls) -> "Traits":
        """Return the traits that users are drawn with, on a grid."""
        rates = _middles(gamma(people.RATE_SHAPE).ppf, RATES) / people.RATE_SHAPE * people.RATE_MEAN_PER_DAY
        spreads = _middles(gamma(1.5).ppf, FADES) / 1.5
        noises = np.exp(0.45 * _middles(norm().ppf, BROWSINGS))
        kinds = (
            (people.VISITOR_FADE_PER_DAY, people.VISITOR_SHARE),
            (people.RESIDENT_FADE_PER_DAY, 1 - people.VISITOR_SHARE),
        )
        rate, spread, noise, kind = map(np.array, zip(*product(rates, spreads, noises, kinds), strict=True))
        hazard, share = kind.T
        browsing = 0.055 * (rate / people.RATE_MEAN_PER_DAY) ** 0.6 * noise
        return cls(rate, spread * hazard, browsing, share / share.sum())


@dataclass
class Beliefs:
    """How likely each user has each combination of traits and is in each state; (users, combinations)."""

    engaged: Floats
    waiting: Floats
    fading: Floats
    gone: Floats


class Observer:
    """Follows users from their sign-up on.

    Parameters
    ----------
    seasons : Seasons
        What each day brings, as in `sample_shop`.
    signup_day : array, shape (users,)
        Day numbers.
    seen : array, shape (days, users)
        NOTHING, VISIT or ORDER.
    """

    def __init__(self, seasons: Seasons, signup_day: NDArray[np.int64], seen: NDArray[np.int8]) -> None:
        self.seasons, self.signup_day, self.seen = seasons, signup_day, seen
        self.traits = Traits.possible()
        shape = (len(signup_day), len(self.traits.share))
        self.beliefs = Beliefs(*(np.zeros(shape) for _ in range(4)))
        self.last_order = np.full(len(signup_day), NEVER)
        for day in range(len(seen)):
            self._watch(day, np.flatnonzero(signup_day <= day))

    def _wishes(self, day: int, who: NDArray[np.int64]) -> Floats:
        hazard = demand.purchase_rate(
            self.traits.rate[None, :],
            price_sensitivity=np.array(PRICE_SENSITIVITY),
            satisfaction=np.array(SATISFACTION),
            days_since=(day - self.last_order[who])[:, None],
            season=self.seasons.demand[day],
            deal=self.seasons.deal[day],
        )
        return np.asarray(hazard)

    def _watch(self, day: int, who: NDArray[np.int64]) -> None:
        """Carry the beliefs through a day, and drop what the day has shown to be wrong."""
        is_new = (self.signup_day[who] == day)[:, None]
        b = self.beliefs
        engaged = np.where(is_new, self.traits.share, b.engaged[who])
        hazard = self._wishes(day, who)
        wish = np.where(is_new, demand.FIRST_DAY_WISH, demand.chance_of(hazard))
        fading_wish = demand.chance_of(hazard * demand.FADING_BUYS)
        wishing = engaged * wish + b.fading[who] * fading_wish + b.waiting[who]
        visits = self.traits.browsing * np.sqrt(self.seasons.demand[day])
        seen = self.seen[day, who][:, None]

        def shows(visit: Floats | float) -> Floats:
            likely = np.where(seen == VISIT, visit, 1.0 - np.asarray(visit))
            return np.where(is_new, 1.0, likely)

        ordered = seen == ORDER
        engaged = np.where(
            ordered, wishing * ORDERS_TODAY, engaged * (1 - wish) * shows(demand.chance_of(visits))
        )
        waiting = np.where(
            ordered,
            0.0,
            wishing * (1 - ORDERS_TODAY) * shows(demand.chance_of(visits * behaviour.SEEKING_BROWSES_MORE)),
        )
        browses = demand.chance_of(visits * demand.FADING_BROWSES)
        fading = np.where(ordered, 0.0, b.fading[who] * (1 - fading_wish) * shows(browses))
        gone = np.where(ordered, 0.0, b.gone[who] * shows(behaviour.STRAY_PER_DAY))
        engaged, fading, gone = self._lose_interest(engaged, fading, gone)
        total = (engaged + waiting + fading + gone).sum(axis=1, keepdims=True)
        b.engaged[who], b.waiting[who] = engaged / total, waiting / total
        b.fading[who], b.gone[who] = fading / total, gone / total
        self.last_order[who[ordered[:, 0]]] = day

    def _lose_interest(self, engaged: Floats, fading: Floats, gone: Floats) -> tuple[Floats, Floats, Floats]:
        starts = engaged * demand.chance_of(demand.fade_hazard(self.traits.fade, np.array(SATISFACTION)))
        leaves = fading * demand.DROP_OUT_PER_DAY
        return engaged - starts, fading + starts - leaves, gone + leaves

    def tell(self, phase: NDArray[np.str_], rate: Floats) -> None:
        """Give away what each user is doing (engaged, fading, gone) and how often the user wishes to buy."""
        states = {
            "engaged": phase == "engaged",
            "waiting": phase != "gone",
            "fading": phase == "fading",
            "gone": phase == "gone",
        }
        distance = np.abs(np.log(self.traits.rate)[None, :] - np.log(rate)[:, None])
        nearest = distance <= distance.min(axis=1, keepdims=True) + 1e-9
        kept = {
            name: getattr(self.beliefs, name) * nearest * is_so[:, None] for name, is_so in states.items()
        }
        total = sum(kept.values()).sum(axis=1, keepdims=True)
        self.beliefs = Beliefs(*(kept[name] / total for name in states))

    def churn_probability(self, horizon_days: int) -> Floats:
        """Return the probability of no order in the days after the last one watched, shape (users,)."""
        everybody = np.arange(len(self.signup_day))
        engaged, fading, gone = self.beliefs.engaged, self.beliefs.fading, self.beliefs.gone
        buys = self.beliefs.waiting.sum(axis=1)
        arrived = np.cumsum(demand.DELAY_SHARES)
        for ahead in range(1, horizon_days + 1):
            hazard = self._wishes(len(self.seen) - 1 + ahead, everybody)
            wish, fading_wish = demand.chance_of(hazard), demand.chance_of(hazard * demand.FADING_BUYS)
            in_time = arrived[min(horizon_days - ahead, len(arrived) - 1)]
            buys = buys + in_time * (engaged * wish + fading * fading_wish).sum(axis=1)
            engaged, fading, gone = self._lose_interest(
                engaged * (1 - wish), fading * (1 - fading_wish), gone
            )
        return np.asarray(1 - buys)

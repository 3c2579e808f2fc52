"""The laws by which users react to what is delivered to them.

A message, a call or a coupon has an effect only on who notices it. Noticing depends on the channel, on the
user's attention and on whether the user is still engaged. What happens then depends on response type,
action and state:

- persuadables buy more and fade less for WORKS_DAYS, and come back at once if they were fading;
- sure things take the coupon, and buy what they would have bought;
- lost causes do not care;
- do-not-disturb users may begin to fade at once, buy less and fade sooner for WORKS_DAYS, and may
  withdraw their consent or complain;
- a service call restores the satisfaction of who was served badly, whatever the type;
- who is gone stays gone.

Coupons work by price sensitivity, education on who is new, community on who browses much. A later delivery
that is noticed takes the place of an earlier one.
"""

from dataclasses import dataclass

import numpy as np

from sample_shop.chance import Floats, Ints
from sample_shop.interventions import COMMUNITY, COUPON, EDUCATION, SERVICE_CALL
from sample_shop.people import DO_NOT_DISTURB, PERSUADABLE, People

WORKS_DAYS = 28
# noticing, by outlet, and then by phase (absent, engaged, fading, gone)
_NOTICED = np.array([0.62, 0.82, 0.58, 0.78, 0.55, 0.55, 0.55])
_STILL_NOTICED = np.array([0.0, 1.0, 0.75, 0.12])
_CALL = 3
# on persuadables, by action: factor on buying, and the share of fading ones who come back
_BUYS_MORE = np.array([5.0, 3.4, 3.6, 3.0, 3.0])
_COMES_BACK = np.array([0.40, 0.50, 0.60, 0.35, 0.35])
_FADES_LESS = 0.4
COUPON_BY_PRICE_SENSITIVITY = 4.0
NEWCOMER_DAYS, NEWCOMERS_LEARN = 60, 2.0
BROWSERS_JOIN, USUAL_BROWSING = 1.0, 0.055
# on those who want peace, by action
_BUYS_LESS = np.array([0.35, 0.50, 0.30, 0.35, 0.35])
_GIVES_UP = np.array([0.30, 0.22, 0.40, 0.30, 0.30])
_FADES_MORE = 3.0
DISTURBED_WITHDRAWS, ANYONE_WITHDRAWS = 0.25, 0.004
DISTURBED_COMPLAINS = 0.10
# service: who is this much below their own level was served badly, and is content after a call
BADLY_SERVED, CONTENT, APPEASED_COMES_BACK = 0.25, 0.15, 0.50


@dataclass(frozen=True)
class Reaction:
    """What an action does to users who notice it, one array element each.

    Attributes
    ----------
    buys, fades : numpy.ndarray
        Factors on the purchase rate and on the hazard of fading, for WORKS_DAYS from the day on.
    comes_back, gives_up : numpy.ndarray
        Probability that a fading user is engaged again at once, and that an engaged one begins to fade.
    satisfaction : numpy.ndarray
        Satisfaction after it.
    """

    buys: Floats
    fades: Floats
    comes_back: Floats
    gives_up: Floats
    satisfaction: Floats


def chance_to_notice(people: People, who: Ints, channel: Ints, phase: Ints) -> Floats:
    """Return the probability that users notice what comes through a channel."""
    attention = np.where(channel == _CALL, 1.0, 0.4 + 1.2 * people.attention[who])
    return np.asarray(np.minimum(_NOTICED[channel] * attention, 0.95) * _STILL_NOTICED[phase])


def reaction_of(people: People, who: Ints, day: int, action: Ints, satisfaction: Floats) -> Reaction:
    """Return how users react to an action that they notice on a day."""
    response = people.response[who]
    persuaded, disturbed = response == PERSUADABLE, response == DO_NOT_DISTURB
    buys = (
        _BUYS_MORE[action] + (action == COUPON) * COUPON_BY_PRICE_SENSITIVITY * people.price_sensitivity[who]
    )
    buys += (action == EDUCATION) * NEWCOMERS_LEARN * (day - people.signup_day[who] <= NEWCOMER_DAYS)
    browses = np.clip(people.browsing[who] / USUAL_BROWSING - 1.0, 0.0, 3.0)
    buys += (action == COMMUNITY) * BROWSERS_JOIN * browses
    base = people.base_satisfaction[who]
    appeased = (action == SERVICE_CALL) & (satisfaction < base - BADLY_SERVED)
    # a call about what went wrong disturbs nobody
    disturbed &= ~appeased
    comes_back = np.where(persuaded, _COMES_BACK[action], 0.0)
    return Reaction(
        buys=np.where(persuaded, buys, np.where(disturbed, _BUYS_LESS[action], 1.0)),
        fades=np.where(persuaded, _FADES_LESS, np.where(disturbed, _FADES_MORE, 1.0)),
        comes_back=np.where(appeased, np.maximum(comes_back, APPEASED_COMES_BACK), comes_back),
        gives_up=np.where(disturbed, _GIVES_UP[action], 0.0),
        satisfaction=np.where(appeased, base + CONTENT, satisfaction),
    )


def chance_to_withdraw(people: People, who: Ints) -> Floats:
    """Return the probability that a user who notices a message withdraws the consent to its channel."""
    return np.where(people.response[who] == DO_NOT_DISTURB, DISTURBED_WITHDRAWS, ANYONE_WITHDRAWS)


def chance_to_redeem(people: People, who: Ints) -> Floats:
    """Return the probability that an order is placed with the coupon that the user noticed."""
    least = np.array([0.30, 0.50, 0.15, 0.10])[people.response[who]]
    return np.asarray(np.minimum(least + 0.6 * people.price_sensitivity[who], 0.95))


def chance_to_complain(people: People, who: Ints) -> Floats:
    """Return the probability that a user who notices a message complains of it."""
    return np.where(people.response[who] == DO_NOT_DISTURB, DISTURBED_COMPLAINS, 0.0)

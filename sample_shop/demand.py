"""The laws by which users want to buy and lose interest.

Behaviour follows them day by day, and the true churn probability is worked out from the same
functions, so the two cannot drift apart.

For a user on day t, with satisfaction s, deal d, season x, and g days since the last paid order:

- engaged users get the wish to buy with probability 1 - exp(-r), where
  r = rate * x * (1 + DEAL_RESPONSE * price_sensitivity * d) * exp(SATISFACTION_ON_BUYING * s) * appetite(g),
  times buying_response while a campaign's touch works, times FADING_BUYS while fading;
- the wish becomes a paid order after 0..4 days (DELAY_SHARES), whatever happens in between;
- at the end of a day without a pending wish, engaged users start fading with probability
  1 - exp(-h), h = fade * exp(-DISSATISFACTION_ON_FADING * s), times fading_response while touched;
- fading users drop out with probability DROP_OUT_PER_DAY per day; a drop-out never comes back.
"""

import numpy as np

from sample_shop.chance import Flags, Floats, Ints
from sample_shop.people import People

DEAL_RESPONSE = 6.0
SATISFACTION_ON_BUYING = 0.45
DISSATISFACTION_ON_FADING = 1.3
FADING_BUYS = 0.25
FADING_BROWSES = 0.30
DROP_OUT_PER_DAY = 1 / 15
FIRST_DAY_WISH = 0.78
DELAY_SHARES = [0.46, 0.20, 0.14, 0.11, 0.09]
SATISFACTION_MEMORY = 0.992
SATISFACTION_RANGE = (-2.5, 1.5)
NEVER = -100_000

# per response type: persuadable, sure thing, lost cause, do not disturb
_BUYING_RESPONSE = np.array([2.2, 1.0, 1.0, 0.75])
_FADING_RESPONSE = np.array([0.6, 1.0, 1.0, 3.0])


def buying_response(people: People) -> Floats:
    """Return the factor on each user's purchase rate while a campaign's touch works."""
    return np.asarray(_BUYING_RESPONSE[people.response])


def fading_response(people: People) -> Floats:
    """Return the factor on each user's hazard of fading while a campaign's touch works."""
    return np.asarray(_FADING_RESPONSE[people.response])


def next_satisfaction(satisfaction: Floats, base: Floats, shock: Floats) -> Floats:
    """Carry satisfaction to the next day: back towards its base, plus what happened."""
    carried = base + (satisfaction - base) * SATISFACTION_MEMORY + shock
    return np.clip(carried, *SATISFACTION_RANGE)


def purchase_rate(
    rate: Floats,
    *,
    price_sensitivity: Floats,
    satisfaction: Floats,
    days_since: Ints,
    season: float,
    deal: float,
) -> Floats:
    """Return r of the module's formula for engaged, untouched users (per day)."""
    # just after an order there is little to buy; the appetite comes back in some weeks
    appetite = 1.0 - 0.75 * np.exp(days_since / -16.0)
    factor = season * (1.0 + DEAL_RESPONSE * deal * price_sensitivity)
    return np.asarray(rate * factor * appetite * np.exp(SATISFACTION_ON_BUYING * satisfaction))


def fade_hazard(fade: Floats, satisfaction: Floats) -> Floats:
    """Return h of the module's formula for untouched users (per day)."""
    return np.asarray(fade * np.exp(-DISSATISFACTION_ON_FADING * satisfaction))


def chance_of(hazard: Floats) -> Floats:
    """Turn a hazard per day into a probability per day."""
    return np.asarray(-np.expm1(-hazard))


def where(condition: Flags, factor: Floats | float) -> Floats:
    """Return the factor where the condition holds, else 1."""
    return np.where(condition, factor, 1.0)

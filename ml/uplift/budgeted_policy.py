"""Choose at most one campaign per user by expected net value, within every cap: a linear programme.

    maximise    Σ gain · x,  gain = value · chance of being treated
    subject to  Σ x of a user ≤ 1,  Σ load · x ≤ limit for each cap,  x ≥ 0

Up to `EXACT_USERS` users it is solved as it stands (scipy's HiGHS). A vertex of it is whole except for at
most one user per cap; those places are filled by rank. For more users it is solved for a sample with the
caps scaled down. What it finds are prices: what a cap's next unit is worth. At these prices every user is
offered the option that is worth most, and places are filled in that order until a cap is reached, so caps
hold exactly whatever the sample said.

How much that can cost is known each time: for any prices λ ≥ 0, Σ λ · limit + Σ max(0, best value at these
prices) bounds what any choice can earn (weak duality). The difference is `Plan.loss_at_most`. Below one per
cent is usual; the tests measure it.

An option whose value is not above 0 is never chosen: who is better left alone is left alone.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import coo_array, vstack

from ml.uplift.options import Cap, Options, check_options, fill_places
from warehouse.errors import HoldfastError

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
EXACT_USERS = 20_000
SAMPLE_USERS = 10_000
WHOLE = 1 - 1e-6


@dataclass(frozen=True)
class Plan:
    """Who is chosen for what.

    Attributes
    ----------
    chosen : array of int
        Positions of the chosen options, the most valuable at the caps' prices first.
    value : float
        Their expected net value, in money.
    value_at_most : float
        What no choice within the caps can exceed; where the order was given, the value itself.
    prices : dict of str to float
        What one more unit of each cap would be worth; 0 where it is not reached.
    dropped : dict of int to str
        Campaigns that were left out, by number, and why.
    """

    chosen: Whole
    value: float
    value_at_most: float
    prices: Mapping[str, float]
    dropped: Mapping[int, str]

    @property
    def loss_at_most(self) -> float:
        """Largest share of the value that an exact whole solution could add."""
        return max(0.0, 1 - self.value / self.value_at_most) if self.value_at_most > 0 else 0.0


def plan_actions(
    options: Options,
    caps: Sequence[Cap],
    *,
    minimum: Mapping[int, int] | None = None,
    exact_users: int = EXACT_USERS,
    sample_users: int = SAMPLE_USERS,
) -> Plan:
    """Choose options by value within the caps; the same input gives the same plan.

    Parameters
    ----------
    options : Options
        What may be done.
    caps : sequence of Cap
        Each holds exactly.
    minimum : mapping of int to int, optional
        Fewest users that each campaign is worth running for. One that gets fewer is dropped, the one that
        falls shortest first, and the rest is planned again.
    exact_users : int
        Above so many users prices come from a sample.
    sample_users : int
        Users in that sample.
    """
    check_options(options)
    worthwhile = np.flatnonzero(options.value > 0)
    return _without_small(
        options,
        worthwhile,
        minimum or {},
        lambda kept: _planned(options, kept, caps, exact_users, sample_users),
    )


def plan_in_order(
    options: Options, caps: Sequence[Cap], score: Floats, *, minimum: Mapping[int, int] | None = None
) -> Plan:
    """Choose options in falling order of a score within the caps, whatever they are worth.

    Parameters
    ----------
    options : Options
        What may be done.
    caps : sequence of Cap
        Each holds exactly.
    score : array, shape (options,)
        The order.
    minimum : mapping of int to int, optional
        See `plan_actions`.
    """
    check_options(options)

    def plan(kept: Whole) -> Plan:
        chosen = kept[fill_places(options.of(kept), caps, score[kept])]
        value = float(options.gain[chosen].sum())
        return Plan(chosen, value, value, {}, {})

    return _without_small(options, np.arange(len(options)), minimum or {}, plan)


def _without_small(
    options: Options, kept: Whole, minimum: Mapping[int, int], plan_of: Callable[[Whole], Plan]
) -> Plan:
    """Plan again without the campaign that falls shortest of its minimum, until none does."""
    dropped: dict[int, str] = {}
    while True:
        plan = plan_of(kept)
        counts = np.bincount(options.campaign[plan.chosen], minlength=max(minimum, default=0) + 1)
        left = {one: least for one, least in minimum.items() if one not in dropped and counts[one] < least}
        if not left:
            return replace(plan, dropped=dropped)
        worst = min(left, key=lambda one: (counts[one] / left[one], one))
        dropped[worst] = f"{counts[worst]} users are fewer than its minimum audience of {left[worst]}"
        kept = kept[options.campaign[kept] != worst]


def _planned(options: Options, kept: Whole, caps: Sequence[Cap], exact_users: int, sample_users: int) -> Plan:
    asked = options.of(kept)
    users = len(np.unique(asked.user))
    if users <= exact_users:
        solution, prices = _solve(asked, caps)
        taken = np.flatnonzero(solution > WHOLE)
    else:
        sample, share = _sampled(asked, users, sample_users)
        scaled = [replace(cap, limit=cap.limit * share) for cap in caps]
        _, prices = _solve(asked.of(sample), scaled)
        taken = np.zeros(0, dtype=np.int64)
    loads = [cap.load(asked) for cap in caps]
    net = asked.gain - sum((price * load for price, load in zip(prices, loads, strict=True)), start=0.0)
    chosen = fill_places(asked, caps, net, taken=taken)
    chosen = chosen[np.argsort(-net[chosen], kind="stable")]
    bound = float(prices @ np.array([cap.limit for cap in caps])) if caps else 0.0
    return Plan(
        chosen=kept[chosen],
        value=float(asked.gain[chosen].sum()),
        value_at_most=bound + _best_of_each(asked, net),
        prices={cap.name: float(price) for cap, price in zip(caps, prices, strict=True)},
        dropped={},
    )


def _solve(options: Options, caps: Sequence[Cap]) -> tuple[Floats, Floats]:
    """Return the solution, shape (options,), and the price of each cap."""
    if not len(options):
        return np.zeros(0), np.zeros(len(caps))
    _, user = np.unique(options.user, return_inverse=True)
    rows = np.arange(len(options))
    users = int(user[-1]) + 1
    one_each = coo_array((np.ones(len(options)), (user, rows)), shape=(users, len(options)))
    limits = [coo_array(cap.load(options)[None, :]) for cap in caps]
    found = linprog(
        -options.gain,
        A_ub=vstack([*limits, one_each]).tocsr(),
        b_ub=np.concatenate([[max(cap.limit, 0.0) for cap in caps], np.ones(users)]),
        bounds=(0, None),
        method="highs",
    )
    if found.status != 0:
        raise HoldfastError(
            "The linear programme of the campaigns was not solved",
            found.message,
            "look for odd values, costs or limits among the campaigns",
        )
    return np.asarray(found.x), np.maximum(-found.ineqlin.marginals[: len(caps)], 0.0)


def _sampled(options: Options, users: int, wanted: int) -> tuple[Whole, float]:
    """Return the options of a sample of users, and the share of users that it is.

    Users are laid out by what their best option is and how much it is worth, and taken at even steps: every
    stratum has its share, and nothing is left to chance.
    """
    starts = np.flatnonzero(np.diff(options.user, prepend=-1))
    sizes = np.diff(np.append(starts, len(options)))
    largest = np.maximum.reduceat(options.gain, starts)
    is_best = options.gain == np.repeat(largest, sizes)
    best = np.maximum.reduceat(np.where(is_best, options.campaign, -1), starts)
    layout = np.lexsort((largest, sizes, best))
    wanted = min(wanted, users)
    steps = np.linspace(0, users, wanted, endpoint=False) + users / (2 * wanted)
    is_taken = np.zeros(users, dtype=bool)
    is_taken[layout[steps.astype(np.int64)]] = True
    return np.flatnonzero(np.repeat(is_taken, sizes)), wanted / users


def _best_of_each(options: Options, net: Floats) -> float:
    """Return what users are worth at the prices, all together."""
    if not len(options):
        return 0.0
    starts = np.flatnonzero(np.diff(options.user, prepend=-1))
    return float(np.maximum(np.maximum.reduceat(net, starts), 0.0).sum())

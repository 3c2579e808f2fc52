"""How often a user buys and whether they still do, from three numbers of their purchase history.

Buy-till-you-die models: a user buys at random times at a rate of their own and, after each purchase, stops
for good with a probability of their own. Over the users, rates follow a gamma distribution (r, alpha) and
probabilities of stopping a beta distribution (a, b).

- BG/NBD: Fader, Hardie & Lee, "Counting Your Customers the Easy Way", Marketing Science 24 (2005). A user may
  stop after a repeat purchase only, so that everybody who bought once is alive for certain: it cannot rank
  one-time buyers.
- MBG/NBD: Batislam, Denizel & Filiztekin, "Empirical validation and comparison of models for customer base
  analysis", International Journal of Research in Marketing 24 (2007). A user may stop after the first
  purchase as well. This is the one the candidates use.

Per user: `repeats` (x), days with a purchase after the first one; `last` (t_x), days from the first purchase
to the last; `age` (T), days from the first purchase to now. Both models know no seasons.

Where only users with a recent purchase are there to learn from, those who stopped are missing, and plain
maximum likelihood finds that nobody ever stops. The likelihood is therefore taken given that a user was seen:
divided by the probability of a purchase in the last `seen_within` days, at the user's age.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh_tridiagonal
from scipy.optimize import minimize
from scipy.special import digamma, expit, gammaln

from warehouse.errors import ContractBreach

Floats = NDArray[np.float64]
BG_NBD = "bg_nbd"
MBG_NBD = "mbg_nbd"
# Parameters are believed to lie within a factor of e^3 = 20 of 1 (alpha: of the mean age), as the spread of a
# normal distribution over their logarithms. A few hundred users outweigh it; without it a shop in which
# nobody comes back, or nobody stops, would send a parameter to infinity.
SPREAD_OF_LOGARITHMS = 3.0
# Where the search for the maximum turns back: a factor of 3,000.
FURTHEST = 8.0
# Of the integral over the probability of stopping: off by less than 1e-9 orders at 90 days, 1e-5 at a year.
NODES = 32
STEP = 1e-5
TINY = 1e-300


@dataclass(frozen=True)
class BuyTillYouDie:
    """A fitted model.

    Attributes
    ----------
    kind : str
        bg_nbd or mbg_nbd.
    r, alpha : float
        Shape, and rate in days, of the purchase rates: r / alpha purchases a day on average.
    a, b : float
        Of the probability of stopping after a purchase: a / (a + b) on average.
    """

    kind: str
    r: float
    alpha: float
    a: float
    b: float

    def probability_alive(self, repeats: Floats, last: Floats, age: Floats) -> Floats:
        """Return the probability that a user has not stopped, shape (users,)."""
        stops = repeats + (self.kind == MBG_NBD)
        longer = (self.r + repeats) * np.log((self.alpha + age) / (self.alpha + last))
        alive: Floats = expit(-(_log_odds_of_stopping(self.a, self.b, stops) + longer))
        return alive

    def probability_of_no_order(self, repeats: Floats, last: Floats, age: Floats, days: float) -> Floats:
        """Return the probability of no purchase in the next `days`: stopped, or alive and silent."""
        alive = self.probability_alive(repeats, last, age)
        silent = np.exp((self.r + repeats) * np.log((self.alpha + age) / (self.alpha + age + days)))
        return 1.0 - alive * (1.0 - silent)

    def expected_orders(self, repeats: Floats, last: Floats, age: Floats, days: float) -> Floats:
        """Return the expected number of days with a purchase in the next `days`, shape (users,).

        A user who is alive, buys at rate l and stops with probability p makes (1 - exp(-l p days)) / p
        purchases on average. This is averaged over what is known of l (exactly) and of p (by Gauss-Jacobi
        quadrature). The closed form of the 2005 paper is the same number, but divides by zero at a = 1.
        """
        alive = self.probability_alive(repeats, last, age)
        expected = np.zeros(len(alive))
        for count in np.unique(repeats):
            rows = np.flatnonzero(repeats == count)
            kept = self.b + count + (self.kind == MBG_NBD)
            stop, weights = _nodes(self.a, kept)
            ages, place = np.unique(age[rows], return_inverse=True)
            rate = self.alpha + ages
            total = np.zeros(len(ages))
            for probability, weight in zip(stop, weights, strict=True):
                power = -(self.r + count) * np.log1p(probability * days / rate)
                total += weight * -np.expm1(power) / probability
            expected[rows] = total[place]
        return alive * expected


def fit_buy_till_you_die(
    repeats: Floats, last: Floats, age: Floats, *, seen_within: float = np.inf, kind: str = MBG_NBD
) -> BuyTillYouDie:
    """Fit a model by maximum likelihood; no label is read.

    Equal histories are counted once and weighted, and the gradient is exact, so that 100,000 users take
    about a second.

    Parameters
    ----------
    repeats, last, age : array, shape (users,)
        x, t_x and T of the module's text; last <= age, both in days.
    seen_within : float
        Only users with a purchase in so many days are among these; infinite if all users are.
    kind : str
        mbg_nbd or bg_nbd.

    Returns
    -------
    BuyTillYouDie

    Raises
    ------
    ContractBreach
        If a history is impossible.
    """
    if kind not in (BG_NBD, MBG_NBD):
        raise ContractBreach("There is no such buy-till-you-die model", kind, f"use {MBG_NBD} or {BG_NBD}")
    histories = np.column_stack([repeats, last, age]).astype(np.float64)
    wrong = ~((histories >= 0).all(axis=1) & (histories[:, 1] <= histories[:, 2]))
    if wrong.any():
        raise ContractBreach(
            f"{int(wrong.sum())} purchase histories are impossible",
            "repeats {:g}, last {:g}, age {:g}".format(*histories[wrong][0]),
            "purchases must lie between the first one and now",
        )
    unit = float(max(histories[:, 2].mean(), 1.0)) if len(histories) else 1.0
    likelihood = _Likelihood(histories / [1.0, unit, unit], kind, seen_within / unit)
    found = minimize(likelihood, np.zeros(4), jac=True, method="L-BFGS-B", bounds=[(-FURTHEST, FURTHEST)] * 4)
    r, alpha, a, b = np.exp(found.x).tolist()
    return BuyTillYouDie(kind, r, alpha * unit, a, b)


def _log_odds_of_stopping(a: float, b: float, stops: Floats) -> Floats:
    """Return the log-odds of stopping at the last of `stops` chances; minus infinity where there was none."""
    odds: Floats = np.log(a) - np.log(b + np.maximum(stops, 1.0) - 1.0)
    return np.where(stops > 0, odds, -np.inf)


def _nodes(a: float, b: float) -> tuple[Floats, Floats]:
    """Return points p and their weights, for the mean of a function of p over Beta(a, b).

    The points are the eigenvalues of the Jacobi polynomials' recurrence, the weights the squares of the first
    entries of its eigenvectors (Golub & Welsch, "Calculation of Gauss Quadrature Rules", 1969): unlike
    scipy's `roots_jacobi` this needs no beta function, which overflows for users with a thousand purchases.
    """
    n = np.arange(1, NODES)
    total = 2 * n + a + b - 2
    centres = np.append((a - b) / (a + b), (a - b) * (a + b - 2) / (total * (total + 2)))
    squares = 4 * n * (n + a - 1) * (n + b - 1) / (total**2 * (total + 1))
    # the first ratio is 1 even where both its sides are 0
    squares[1:] *= (n[1:] + a + b - 2) / (total[1:] - 1)
    points, vectors = eigh_tridiagonal(centres, np.sqrt(squares))
    return np.clip((1.0 + points) / 2.0, TINY, 1.0), vectors[0] ** 2


class _Likelihood:
    """Mean negative log-likelihood, and its gradient, over the logarithms of r, alpha, a and b."""

    def __init__(self, histories: Floats, kind: str, seen_within: float) -> None:
        distinct, counts = np.unique(histories, axis=0, return_counts=True)
        self.repeats, self.last, self.age = distinct.T
        self.weights = counts / max(counts.sum(), 1)
        self.ridge = 1.0 / SPREAD_OF_LOGARITHMS**2 / max(counts.sum(), 1)
        self.modified = float(kind == MBG_NBD)
        self.values, self.value_of = np.unique(self.repeats, return_inverse=True)
        self.seen_within = seen_within
        might_be_gone = histories[histories[:, 2] >= seen_within, 2]
        self.unseen_days, days = np.unique(might_be_gone - seen_within, return_counts=True)
        self.unseen_weights = days / max(counts.sum(), 1)

    def __call__(self, logarithms: Floats) -> tuple[float, Floats]:
        """Return the mean negative log-likelihood and its gradient, both with the ridge."""
        value, gradient = self._of_histories(logarithms)
        if len(self.unseen_days):
            steps = STEP * np.eye(len(logarithms))
            value += self._of_being_seen(logarithms)
            rises = [self._of_being_seen(logarithms + step) for step in steps]
            falls = [self._of_being_seen(logarithms - step) for step in steps]
            gradient = gradient + (np.array(rises) - np.array(falls)) / (2 * STEP)
        value += self.ridge * float(logarithms @ logarithms) / 2
        return value, gradient + self.ridge * logarithms

    def _of_being_seen(self, logarithms: Floats) -> float:
        """Return the mean log-probability of a purchase in the last days.

        A user who stops with probability p is still there at the beginning of those days with probability
        exp(-l p days before), and then buys with probability 1 - exp(-l days). The average over l is a
        difference of two powers, the one over p a quadrature.
        """
        r, alpha, a, b = np.exp(logarithms)
        stop, weights = _nodes(a, b + self.modified)
        rates = alpha + stop[:, None] * self.unseen_days
        seen = weights @ ((alpha / rates) ** r - (alpha / (rates + self.seen_within)) ** r)
        first = np.log(b / (a + b)) * self.modified * self.unseen_weights.sum()
        return float(self.unseen_weights @ np.log(np.maximum(seen, TINY)) + first)

    def _of_histories(self, logarithms: Floats) -> tuple[float, Floats]:
        r, alpha, a, b = np.exp(logarithms)
        repeats, weights = self.repeats, self.weights
        stops = self.values + self.modified  # how often a user who is alive might have stopped
        log_age, log_last = np.log(alpha + self.age), np.log(alpha + self.last)
        stopped = _log_odds_of_stopping(a, b, stops)
        alive_term = -(r + repeats) * log_age
        dead_term = stopped[self.value_of] - (r + repeats) * log_last
        per_value = gammaln(r + self.values) - gammaln(r) + r * np.log(alpha)
        per_value += gammaln(b + stops) - gammaln(a + b + stops) - gammaln(b) + gammaln(a + b)
        log_likelihood = weights @ (per_value[self.value_of] + np.logaddexp(alive_term, dead_term))
        alive = expit(alive_term - dead_term)
        shared = digamma(a + b) - digamma(a + b + stops)
        slope_r = digamma(r + self.values) - digamma(r) + np.log(alpha)
        slope_b = shared + digamma(b + stops) - digamma(b)
        dead_by_b = (stops > 0) / (b + np.maximum(stops, 1.0) - 1.0)
        rates = alive / (alpha + self.age) + (1.0 - alive) / (alpha + self.last)
        slopes = np.array(
            [
                weights @ (slope_r[self.value_of] - alive * log_age - (1.0 - alive) * log_last),
                weights @ (r / alpha - (r + repeats) * rates),
                weights @ (shared[self.value_of] + (1.0 - alive) / a),
                weights @ (slope_b[self.value_of] - (1.0 - alive) * dead_by_b[self.value_of]),
            ]
        )
        return -float(log_likelihood), -slopes * np.exp(logarithms)

"""How well learners find whom a campaign helps: out of fold, with bootstrap intervals, against simple orders.

Every user is ranked by a model that never saw them. What a learner predicts in one fold is not on the scale
of what it predicts in another, so users are ranked within their fold, and a learner that tells nobody apart
gets a Qini coefficient of exactly 0.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

from ml.uplift.estimators import is_yes_or_no
from ml.uplift.learners import Learner
from ml.uplift.pool import Rows
from ml.uplift.qini import qini_curve, resampled_areas
from warehouse.errors import ContractBreach

Floats = NDArray[np.float64]
Learners = Mapping[str, Callable[[], Learner]]
FOLDS = 5
RESAMPLES = 400
RESAMPLES_TO_CHOOSE = 50
CHOSEN = "chosen"
NO_EVIDENCE = "no evidence of different response"


@dataclass(frozen=True)
class UpliftFigure:
    """One figure of one learner, with its 95 % interval over resamples of users.

    Attributes
    ----------
    learner : str
        Whose ranking.
    metric : str
        auuc, qini (the paired difference to a random order, whose own is 0), a name ending in `_over_…` (the
        paired difference to that learner), or average_effect (of treating everybody).
    estimate, low, high : float
        In outcome per user.
    """

    learner: str
    metric: str
    estimate: float
    low: float
    high: float

    @property
    def is_above_zero(self) -> bool:
        """Whether the whole interval is above 0."""
        return self.low > 0

    @property
    def reading(self) -> str:
        """Say what the interval says."""
        if not (self.low > 0 or self.high < 0):
            return NO_EVIDENCE if self.metric == "qini" else "no evidence of a difference"
        return "above 0" if self.low > 0 else "below 0"


@dataclass(frozen=True)
class OutOfFold:
    """Rankings of users by models that never saw them.

    Attributes
    ----------
    fold : array, shape (users,)
        Which part each user was held out with.
    places : dict of str to array, shape (users,)
        By learner, place within the fold: 0 to 1, users of one score share it, 1 is the most uplift.
    uplift : dict of str to array, shape (users,)
        By learner, the predicted uplift itself.
    """

    fold: NDArray[np.int64]
    places: dict[str, Floats]
    uplift: dict[str, Floats]


def rank_out_of_fold(
    learners: Learners,
    inputs: pd.DataFrame,
    outcome: Floats,
    treated: NDArray[Any],
    propensity: Floats | None = None,
    *,
    folds: int = FOLDS,
    seed: int = 0,
) -> OutOfFold:
    """Fit every learner on all folds but one, and rank the users of that one.

    Parameters
    ----------
    learners : mapping of str to callable
        Each makes an unfitted learner.
    inputs : pandas.DataFrame
        Prepared rows, one per user of the experiment; known when the arm was drawn.
    outcome : array, shape (users,)
        0 and 1, or an amount; more is better.
    treated : array, shape (users,)
        1 or True for the treated.
    propensity : array, shape (users,), optional
        Chance of each user to be treated, where it was not the same for everybody.
    folds : int
        Parts that users are cut into, alike in arm and outcome.
    seed : int
        Of that cut.

    Raises
    ------
    ContractBreach
        If an arm is empty, or an outcome is not a number.
    """
    arm = _checked(outcome, treated)
    fold = stratified_folds(outcome, arm, folds=folds, seed=seed)

    def fit(make: Callable[[], Learner], held_out: NDArray[np.bool_]) -> Learner:
        chance = None if propensity is None else propensity[~held_out]
        return make().fit(inputs[~held_out], outcome[~held_out], arm[~held_out], chance)

    return _ranked(fold, inputs, {name: partial(fit, make) for name, make in learners.items()})


def rank_with_pool(learners: Learners, rows: Rows, pool: Rows, fold: NDArray[np.int64]) -> OutOfFold:
    """Rank users like `rank_out_of_fold`, by learners that also learn from other campaigns' rows.

    Parameters
    ----------
    learners : mapping of str to callable
        Each makes an unfitted learner.
    rows : Rows
        Users of the campaign.
    pool : Rows
        Rows of other campaigns; those of the users held out are left out.
    fold : array of int, shape (users,)
        Which part each user is held out with.
    """

    def fit(make: Callable[[], Learner], held_out: NDArray[np.bool_]) -> Learner:
        return fit_on(make, rows.of(~held_out).with_rows(pool.without(rows.user_ids[held_out])))

    return _ranked(fold, rows.inputs, {name: partial(fit, make) for name, make in learners.items()})


def fit_on(make: Callable[[], Learner], rows: Rows) -> Learner:
    """Return a learner fitted on rows."""
    return make().fit(rows.inputs, rows.outcome, rows.treated, rows.propensity)


def _ranked(
    fold: NDArray[np.int64],
    inputs: pd.DataFrame,
    fits: Mapping[str, Callable[[NDArray[np.bool_]], Learner]],
) -> OutOfFold:
    places = {name: np.zeros(len(fold)) for name in fits}
    predicted = {name: np.zeros(len(fold)) for name in fits}
    for one in np.unique(fold):
        held_out = fold == one
        for name, fit in fits.items():
            uplift = fit(held_out).predict_uplift(inputs[held_out])
            predicted[name][held_out] = uplift
            places[name][held_out] = rankdata(uplift) / held_out.sum()
    return OutOfFold(fold, places, predicted)


def stratified_folds(
    outcome: Floats, treated: NDArray[Any], *, folds: int = FOLDS, seed: int = 0
) -> NDArray[np.int64]:
    """Return the fold of each user: every fold has its share of both arms and of good and bad outcomes."""
    middle = 0.5 if is_yes_or_no(outcome) else float(np.median(outcome))
    stratum = 2 * np.asarray(treated, dtype=np.int64) + (outcome > middle)
    shuffled = np.random.default_rng(seed).permutation(len(outcome))
    dealt = shuffled[np.argsort(stratum[shuffled], kind="stable")]
    fold = np.empty(len(outcome), dtype=np.int64)
    fold[dealt] = np.arange(len(outcome)) % folds
    return fold


def choose_per_fold(
    ranked: OutOfFold,
    outcome: Floats,
    treated: NDArray[Any],
    propensity: Floats | None = None,
    *,
    among: Sequence[str],
) -> Floats:
    """Return a ranking that uses, in each fold, the learner that was best on the other folds.

    The best of several learners is partly the luckiest. Its own figure flatters it; that of this ranking,
    whose choice did not see the users it is judged on, does not.
    """
    places = np.zeros(len(outcome))
    for one in np.unique(ranked.fold):
        held_out = ranked.fold == one
        best = best_learner(ranked, outcome, treated, propensity, among=among, rows=~held_out)
        places[held_out] = ranked.places[best][held_out]
    return places


def best_learner(
    ranked: OutOfFold,
    outcome: Floats,
    treated: NDArray[Any],
    propensity: Floats | None = None,
    *,
    among: Sequence[str],
    rows: NDArray[np.bool_] | None = None,
) -> str:
    """Return the learner to use, going by the Qini coefficient on some rows.

    Of those that are not behind the best by more than one standard error of their difference, it is the one
    named first: which of several good ones is best by a little is mostly luck.
    """
    kept = np.ones(len(outcome), dtype=bool) if rows is None else rows
    chance = None if propensity is None else propensity[kept]
    values, arm = outcome[kept], np.asarray(treated)[kept]
    places = {name: ranked.places[name][kept] for name in among}
    qini = {name: qini_curve(values, arm, found, chance).qini for name, found in places.items()}
    spread = resampled_areas(values, arm, places, chance, resamples=RESAMPLES_TO_CHOOSE, seed=0)
    best = max(among, key=lambda name: qini[name])
    for name in among:
        if qini[best] - qini[name] <= float(np.std(spread[best][1] - spread[name][1])):
            return name
    return best


def judge_rankings(
    outcome: Floats,
    treated: NDArray[Any],
    rankings: Mapping[str, Floats],
    propensity: Floats | None = None,
    *,
    baseline: str = "",
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> list[UpliftFigure]:
    """Return AUUC and Qini coefficient of every ranking, and its paired difference to a baseline.

    Parameters
    ----------
    outcome, treated, propensity
        See `rank_out_of_fold`.
    rankings : mapping of str to array, shape (users,)
        The larger, the earlier a user is treated.
    baseline : str
        The ranking that the others are compared with; empty for none.
    resamples : int
        Bootstrap resamples of users.
    seed : int
        Of the resamples.
    """
    arm = _checked(outcome, treated)
    spread = resampled_areas(outcome, arm, dict(rankings), propensity, resamples=resamples, seed=seed)
    curves = {name: qini_curve(outcome, arm, places, propensity) for name, places in rankings.items()}
    figures = []
    for name, curve in curves.items():
        auucs, qinis = spread[name]
        figures.append(_figure(name, "auuc", curve.auuc, auucs))
        figures.append(_figure(name, "qini", curve.qini, qinis))
        if baseline and name != baseline:
            difference = curve.qini - curves[baseline].qini
            figures.append(_figure(name, f"qini_over_{baseline}", difference, qinis - spread[baseline][1]))
    return figures


def average_effect(
    outcome: Floats, treated: NDArray[Any], propensity: Floats | None = None, *, learner: str
) -> UpliftFigure:
    """Return the effect of treating everybody: the difference of the arms' means, with its 95 % interval."""
    arm = _checked(outcome, treated)
    chance = np.full(len(arm), arm.mean()) if propensity is None else propensity
    means, variance = [], 0.0
    for rows, weight in ((arm, 1 / chance), (~arm, 1 / (1 - chance))):
        weights = weight[rows] / weight[rows].sum()
        mean = float(weights @ outcome[rows])
        means.append(mean)
        variance += float(weights**2 @ (outcome[rows] - mean) ** 2)
    effect, reach = means[0] - means[1], float(norm.ppf(0.975)) * np.sqrt(variance)
    return UpliftFigure(learner, "average_effect", effect, effect - reach, effect + reach)


def _figure(learner: str, metric: str, estimate: float, resampled: Floats) -> UpliftFigure:
    low, high = np.percentile(resampled, [2.5, 97.5])
    return UpliftFigure(learner, metric, float(estimate), float(low), float(high))


def _checked(outcome: Floats, treated: NDArray[Any]) -> NDArray[np.bool_]:
    arm = np.asarray(treated, dtype=bool)
    if arm.all() or not arm.any():
        raise ContractBreach(
            "An experiment needs users of both arms",
            f"{int(arm.sum())} of {len(arm)} were treated",
            "keep a holdout, and wait until its outcomes are complete",
        )
    if not np.isfinite(outcome).all():
        raise ContractBreach(
            "An outcome is not a number",
            f"{int((~np.isfinite(outcome)).sum())} rows",
            "leave out users whose outcome is not known yet",
        )
    return arm

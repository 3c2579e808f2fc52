"""Learn from one campaign's own experiment, and say whether what was learnt may decide.

Every learner is judged out of fold on the outcome that the policy maximises, the net margin. A model is in
force only if both hold for the ranking of the chosen learner (chosen anew in each fold on the other folds):

- its Qini coefficient's 95 % interval is above 0: it finds whom the campaign helps;
- so is that of its difference to the seed's own order, the riskiest first: it is worth changing the policy.

Otherwise the policy stays the seed's, and the report says so. Outcomes are judged after what was foreseeable
without knowing the arm is taken off them (an out-of-fold expectation): the expected curve is the same, with
less noise.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from ml.features import FeatureContract, fit_contract, prepare
from ml.uplift.baselines import ConstantEffect, RiskFirst
from ml.uplift.estimators import BOOSTED, LINEAR, SEGMENTS
from ml.uplift.evaluation import (
    CHOSEN,
    Learners,
    OutOfFold,
    UpliftFigure,
    average_effect,
    best_learner,
    choose_per_fold,
    fit_on,
    judge_rankings,
    rank_out_of_fold,
    rank_with_pool,
)
from ml.uplift.experiments import CHURN_PROBABILITY, NET_MARGIN, OUTCOMES, ExperimentRows
from ml.uplift.learners import ClassTransformation, Learner, TLearner, freed_of_expectation
from ml.uplift.model import Scale, UpliftModel, fit_scale
from ml.uplift.pool import Rows

Floats = NDArray[np.float64]
Progress = Callable[[str], None]
# As many as a churn model needs: below them an interval of the Qini coefficient says nothing.
FEWEST_USERS = 1_000
FEWEST_PER_ARM = 200
FEWEST_PER_KIND = 50
# A campaign with fewer complete outcomes adds nothing to what others learn.
FEWEST = 100
# A few users who spent a hundred times the usual must not decide what is learnt; they count when judged.
TAIL = 0.005
CONSTANT, RISK = "constant_effect", "risk_first"
SEED = "seed"

# In the order in which they are preferred where one is as good as another: what needs the fewest users first.
LEARNERS: Learners = {
    "class_transformation_segments": lambda: ClassTransformation(SEGMENTS),
    "class_transformation_trees": lambda: ClassTransformation(BOOSTED),
    "class_transformation_linear": lambda: ClassTransformation(LINEAR),
    "t_learner_linear": lambda: TLearner(LINEAR),
}
# These learn from the other campaigns' users too, and come before the others.
POOLED: Learners = {"pooled_segments": lambda: ClassTransformation(SEGMENTS)}
BASELINES: Learners = {CONSTANT: ConstantEffect, RISK: lambda: RiskFirst(CHURN_PROBABILITY)}


@dataclass(frozen=True)
class UpliftOutcome:
    """What training on one campaign found.

    Attributes
    ----------
    campaign_id : str
        The campaign.
    rows : int
        Users learnt from.
    figures : dict of str to tuple of UpliftFigure
        By outcome, every learner's figures; empty with too little data.
    model : UpliftModel or None
        Fitted on everybody, if it may decide.
    verdict : str
        In words, what holds from now on and why.
    """

    campaign_id: str
    rows: int
    figures: Mapping[str, tuple[UpliftFigure, ...]]
    model: UpliftModel | None
    verdict: str


def too_little(rows: ExperimentRows) -> str:
    """Return why a campaign's outcomes are too few to learn from; empty when they are enough."""
    treated = int(rows.treated.sum())
    retained = rows.outcomes["retained"]
    kinds = [
        int((retained[arm] == kind).sum()) for arm in (rows.treated, ~rows.treated) for kind in (0.0, 1.0)
    ]
    if (
        len(rows) >= FEWEST_USERS
        and min(treated, len(rows) - treated) >= FEWEST_PER_ARM
        and min(kinds) >= FEWEST_PER_KIND
    ):
        return ""
    return (
        f"Too little data: {len(rows)} complete outcomes, {treated} treated and {len(rows) - treated} held "
        f"out ({FEWEST_USERS}, {FEWEST_PER_ARM} of each arm and {FEWEST_PER_KIND} retained and churned in "
        "each are needed). The policy is the seed's."
    )


def learn_campaign(
    rows: ExperimentRows,
    trained_as_of: date,
    *,
    others: Sequence[ExperimentRows] = (),
    seed: int = 0,
    progress: Progress = lambda _line: None,
) -> UpliftOutcome:
    """Compare the learners on a campaign's experiment, and fit the best if it may decide.

    Parameters
    ----------
    rows : ExperimentRows
        Users with complete outcomes.
    trained_as_of : date
        The evening it stands on.
    others : sequence of ExperimentRows
        Other campaigns of the same day, for the learners that learn from all of them.
    seed : int
        Of folds and resamples.
    progress : callable
        Takes one line per step.
    """
    reason = too_little(rows)
    if reason:
        progress(f"{rows.campaign_id}: {reason}")
        return UpliftOutcome(rows.campaign_id, len(rows), {}, None, reason)
    contract = fit_contract(rows.frame, rows.features)
    figures: dict[str, tuple[UpliftFigure, ...]] = {}
    fitted, names, scales = {}, {}, {}
    for outcome in OUTCOMES:
        progress(f"{rows.campaign_id}: comparing learners of {outcome} on {len(rows)} users")
        own = freed_rows(rows, outcome, contract, seed=seed)
        pool = [freed_rows(other, outcome, contract, seed=seed) for other in others if len(other) >= FEWEST]
        judged = _judge(rows, outcome, own, pool, seed)
        figures[outcome], names[outcome] = judged.figures, judged.best
        fitted[outcome] = judged.fitted
        scales[outcome] = judged.scale
    verdict, may_decide = _verdict(figures[NET_MARGIN], names[NET_MARGIN])
    progress(f"{rows.campaign_id}: {verdict}")
    model = UpliftModel(rows.campaign_id, trained_as_of, contract, fitted, names, scales)
    return UpliftOutcome(rows.campaign_id, len(rows), figures, model if may_decide else None, verdict)


def freed_rows(rows: ExperimentRows, outcome: str, contract: FeatureContract, *, seed: int = 0) -> Rows:
    """Return a campaign's rows as learners read them: tails cut, freed of what was foreseeable."""
    inputs = prepare(rows.frame, contract)
    return Rows(
        inputs,
        freed_of_expectation(inputs, _without_tails(rows.outcomes[outcome]), seed=seed),
        rows.treated,
        rows.propensity,
        rows.frame["user_id"].to_numpy(dtype=object),
    )


def _without_tails(values: Floats) -> Floats:
    tamed: Floats = np.clip(values, *np.quantile(values, [TAIL, 1 - TAIL]))
    return tamed


@dataclass(frozen=True)
class _Judged:
    """The comparison of the learners on one outcome."""

    figures: tuple[UpliftFigure, ...]
    best: str
    fitted: Learner
    scale: Scale


def _judge(rows: ExperimentRows, outcome: str, own: Rows, pool: Sequence[Rows], seed: int) -> _Judged:
    arm, chance = rows.treated, rows.propensity
    ranked = rank_out_of_fold(LEARNERS, own.inputs, own.outcome, arm, chance, seed=seed)
    orders = rank_out_of_fold(BASELINES, rows.frame[[CHURN_PROBABILITY]], own.outcome, arm, chance, seed=seed)
    shared = own
    if pool:
        others = reduce(Rows.with_rows, pool)
        shared = own.with_rows(others)
        beside = rank_with_pool(POOLED, own, others, ranked.fold)
        ranked = OutOfFold(
            ranked.fold, {**beside.places, **ranked.places}, {**beside.uplift, **ranked.uplift}
        )
    # whole outcomes are judged: a cut tail helps learning, and must not flatter what was learnt
    values = rows.outcomes[outcome]
    judged_on = own.outcome + values - _without_tails(values)
    among = list(ranked.places)
    places = {
        **ranked.places,
        **orders.places,
        CHOSEN: choose_per_fold(ranked, judged_on, arm, chance, among=among),
    }
    average = average_effect(judged_on, arm, chance, learner=CONSTANT)
    figures = judge_rankings(judged_on, arm, places, chance, baseline=RISK, seed=seed)
    best = best_learner(ranked, judged_on, arm, chance, among=among)
    make, learnt_from = (POOLED[best], shared) if best in POOLED else (LEARNERS[best], own)
    return _Judged(
        (average, *figures),
        best,
        fit_on(make, learnt_from),
        fit_scale(ranked.uplift[best], judged_on, arm, chance, average.estimate),
    )


def _verdict(figures: tuple[UpliftFigure, ...], best: str) -> tuple[str, bool]:
    """Return what the figures of the chosen ranking mean, and whether the model may decide."""
    found = {figure.metric: figure for figure in figures if figure.learner == CHOSEN}
    qini, ahead = found["qini"], found[f"qini_over_{RISK}"]
    told = f"Qini {_told(qini)}, over risk-first {_told(ahead)}"
    if not qini.is_above_zero:
        why = f"{qini.reading[0].upper()}{qini.reading[1:]}"
        return f"{why} ({told}). The policy is the seed's.", False
    if not ahead.is_above_zero:
        return f"Not better than the riskiest first ({told}). The policy is the seed's.", False
    return f"{best} decides: better than chance and than the riskiest first ({told}).", True


def _told(figure: UpliftFigure) -> str:
    return f"{figure.estimate:+.4g} ({figure.low:+.4g} to {figure.high:+.4g})"

"""Experiments with known truth, as frames."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.uplift import estimators
from ml.uplift.baselines import RiskFirst
from ml.uplift.learners import ClassTransformation, TLearner

USERS = 3_000
LINEAR, TREES, SEGMENTS = estimators.LINEAR, estimators.BOOSTED, estimators.SEGMENTS
LEARNERS = {
    "t_linear": lambda: TLearner(LINEAR),
    "class_linear": lambda: ClassTransformation(LINEAR),
    "t_trees": lambda: TLearner(TREES),
    "class_trees": lambda: ClassTransformation(TREES),
    "class_segments": lambda: ClassTransformation(SEGMENTS),
}
RISK_FIRST = {"risk_first": lambda: RiskFirst("risk")}


@dataclass(frozen=True)
class Experiment:
    """Inputs, outcome and arms of users whose true uplift is known."""

    inputs: pd.DataFrame
    outcome: NDArray[np.float64]
    treated: NDArray[np.bool_]
    propensity: NDArray[np.float64]
    uplift: NDArray[np.float64]


def make_experiment(
    users: int = USERS,
    *,
    effect: float = 0.3,
    holdout: float = 0.5,
    is_amount: bool = False,
    holdout_rises_with_risk: bool = False,
    seed: int = 0,
) -> Experiment:
    """Return an experiment: `effect` is gained where `likes` is above 0 and lost elsewhere.

    Who is at risk has the worse outcome whatever is done, and does not gain more than others.
    """
    random = np.random.default_rng(seed)
    risk, likes = random.random(users), random.normal(size=users)
    country = pd.Categorical(random.choice(["DE", "FR"], users))
    inputs = pd.DataFrame(
        {"risk": risk, "likes": likes, "noise": random.normal(size=users), "country": country}
    )
    uplift = effect * np.sign(likes)
    chance = np.full(users, 1 - holdout)
    if holdout_rises_with_risk:
        chance = np.where(risk > 0.5, 0.4, 0.9)
    treated = random.random(users) < chance
    mean = 0.65 - 0.3 * risk + (treated - 0.5) * uplift
    if is_amount:
        outcome = np.where(random.random(users) < 0.5, random.gamma(2.0, 20.0, users), 0.0) + 50 * mean
        uplift = 50 * uplift
    else:
        outcome = (random.random(users) < mean).astype(np.float64)
    return Experiment(inputs, outcome, treated, chance, uplift)

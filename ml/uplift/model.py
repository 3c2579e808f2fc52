"""A fitted uplift model of one campaign: what it changes for a user, in probability and in money."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.features import FeatureContract, prepare
from ml.model import BLOCK_ROWS
from ml.uplift.experiments import NET_MARGIN, RETAINED
from ml.uplift.learners import Learner, chance_of_treatment

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Scale:
    """Turns a learner's prediction into an expected uplift: average + slope · (prediction − centre).

    A learner may rank well and exaggerate. The slope is what out-of-fold predictions turned out to be worth,
    between 0 and 1: predictions are drawn towards the average effect, never away from it.

    Attributes
    ----------
    average : float
        Measured effect of treating everybody.
    slope : float
        0 to 1.
    centre : float
        Mean prediction.
    """

    average: float
    slope: float
    centre: float

    def of(self, prediction: Floats) -> Floats:
        """Return the expected uplift of predictions."""
        return self.average + self.slope * (prediction - self.centre)


def fit_scale(
    prediction: Floats, outcome: Floats, treated: NDArray[np.bool_], propensity: Floats, average: float
) -> Scale:
    """Fit the scale on out-of-fold predictions by weighted least squares of the effect on the prediction.

    With the outcome taken × (treated / p − untreated / (1 − p)), whose expectation is the uplift, regressed
    on the prediction (Chernozhukov et al., "Generic machine learning inference on heterogeneous treatment
    effects", 2018).

    Parameters
    ----------
    prediction : array, shape (users,)
        Out of fold.
    outcome : array, shape (users,)
        Freed from what was foreseeable, so that less noise is left.
    treated : array, shape (users,)
        Arm.
    propensity : array, shape (users,)
        Chance of each user to be treated.
    average : float
        Measured effect of treating everybody.
    """
    chance = chance_of_treatment(treated.astype(np.float64), propensity)
    gap = treated - chance
    weight = 1 / (chance * (1 - chance))
    centre = float(prediction.mean())
    away = prediction - centre
    # the effect of the prediction among the treated, against that among those left alone
    spread = float((weight * gap**2 * away**2).sum())
    slope = (
        float((weight * gap * away * (outcome - outcome.mean() - gap * average)).sum()) / spread
        if spread
        else 0.0
    )
    return Scale(average, float(np.clip(slope, 0.0, 1.0)), centre)


@dataclass(frozen=True)
class UpliftModel:
    """What turns a user's features into what a campaign changes.

    Attributes
    ----------
    campaign_id : str
        The campaign.
    trained_as_of : date
        The evening it stands on.
    contract : FeatureContract
        What it reads.
    learners : mapping of str to Learner
        One fitted learner for each outcome: retained and net_margin.
    names : mapping of str to str
        What each is called in the report.
    scales : mapping of str to Scale
        By outcome.
    model_version : str
        Given by the store; empty before.
    """

    campaign_id: str
    trained_as_of: date
    contract: FeatureContract
    learners: Mapping[str, Learner]
    names: Mapping[str, str]
    scales: Mapping[str, Scale]
    model_version: str = ""

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return uplift_probability (−1 to 1) and uplift_margin (money) of each row."""
        blocks = [frame.iloc[start : start + BLOCK_ROWS] for start in range(0, len(frame), BLOCK_ROWS)]
        found: dict[str, list[Floats]] = {RETAINED: [], NET_MARGIN: []}
        for block in blocks:
            inputs = prepare(block, self.contract)
            for outcome, learner in self.learners.items():
                found[outcome].append(self.scales[outcome].of(learner.predict_uplift(inputs)))
        nothing = np.zeros(0)
        return pd.DataFrame(
            {
                "uplift_probability": np.clip(np.concatenate([nothing, *found[RETAINED]]), -1.0, 1.0),
                "uplift_margin": np.concatenate([nothing, *found[NET_MARGIN]]),
            }
        )

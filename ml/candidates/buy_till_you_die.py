"""MBG/NBD: the probability of no order, given how often and how long ago a user bought."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import logit

from ml.candidates.candidate import Candidate, Parameters
from ml.candidates.one_variable import OneVariableRule, one_variable_contributions
from ml.candidates.recency_rule import RECENCY_COLUMN, log_silence
from ml.features import FeatureContract
from ml.purchase_rhythm import READS

Floats = NDArray[np.float64]
CLIP = 1e-6


class BuyTillYouDieRule(OneVariableRule):
    """Churn probability from the purchase rhythm's probability of no order in the horizon.

    A logistic regression on its log-odds: the model knows neither seasons nor trends, so that its level wants
    correcting. Without the columns that the rhythm needs it is the recency rule.

    Parameters
    ----------
    column : str
        The rhythm's probability of no order; empty without a rhythm.
    """

    def __init__(self, column: str = "") -> None:
        self.column = column

    def variable(self, frame: pd.DataFrame) -> Floats:
        """Return the log-odds of no order."""
        if not self.column:
            return log_silence(frame)
        probability = frame[self.column].to_numpy(dtype=np.float64)
        log_odds: Floats = logit(np.clip(probability, CLIP, 1.0 - CLIP))
        return log_odds

    def credited(self, _frame: pd.DataFrame) -> str:
        """Return the probability of no order, or the recency without a rhythm."""
        return self.column or RECENCY_COLUMN


def build(
    contract: FeatureContract, _rows: int, _horizon_days: int, _seed: int, _parameters: Parameters
) -> BuyTillYouDieRule:
    """Return the unfitted rule."""
    return BuyTillYouDieRule(contract.rhythm.no_order_column if contract.rhythm else "")


CANDIDATE = Candidate(
    "buy_till_you_die",
    build,
    one_variable_contributions,
    complexity=1,
    reads=READS,
    trusted_types=("ml.candidates.buy_till_you_die.BuyTillYouDieRule",),
)

"""The rule that costs nothing: the longer the silence, the likelier the churn."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.candidates.candidate import Candidate, Parameters
from ml.candidates.one_variable import OneVariableRule, one_variable_contributions
from ml.features import FeatureContract
from warehouse.errors import ContractBreach

Floats = NDArray[np.float64]
RECENCY_COLUMN = "days_since_last_paid_order"
RECENCY_RULE = "recency_rule"


class RecencyRule(OneVariableRule):
    """Churn probability from the days since the last paid order alone.

    Fitted, it is a logistic regression on log(1 + days). Without anything to fit on, the log-odds are
    log((1 + days) / (1 + horizon)): even odds when the silence is as long as the horizon.

    Parameters
    ----------
    horizon_days : int
        Days after as_of_date in which a paid order means "not churned".
    column : str
        The recency column.
    """

    def __init__(self, horizon_days: int = 90, column: str = RECENCY_COLUMN) -> None:
        self.horizon_days = horizon_days
        self.column = column

    def unfitted(self) -> tuple[float, float]:
        """Return the line with even odds at the horizon."""
        return 1.0, -float(np.log1p(self.horizon_days))

    def variable(self, frame: pd.DataFrame) -> Floats:
        """Return log(1 + days)."""
        return log_silence(frame, self.column)

    def credited(self, _frame: pd.DataFrame) -> str:
        """Return the recency column."""
        return self.column


def log_silence(frame: pd.DataFrame, column: str = RECENCY_COLUMN) -> Floats:
    """Return log(1 + days since the last paid order) per row.

    Raises
    ------
    ContractBreach
        If the column is not there.
    """
    if column not in frame.columns:
        raise ContractBreach(
            f"The recency rule needs the column {column}", list(frame.columns)[:10], "build it in SQL"
        )
    days: Floats = frame[column].to_numpy(dtype=np.float64)
    return np.log1p(np.maximum(days, 0.0))


def build(
    _contract: FeatureContract, _rows: int, horizon_days: int, _seed: int, _parameters: Parameters
) -> RecencyRule:
    """Return the unfitted rule."""
    return RecencyRule(horizon_days)


CANDIDATE = Candidate(
    RECENCY_RULE,
    build,
    one_variable_contributions,
    complexity=0,
    reads=(RECENCY_COLUMN,),
    trusted_types=("ml.candidates.recency_rule.RecencyRule",),
)

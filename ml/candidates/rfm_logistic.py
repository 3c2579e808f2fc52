"""Logistic regression on three numbers: recency, frequency and money."""

from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from ml.candidates.candidate import Candidate, Parameters
from ml.candidates.design import TRUSTED_TYPES, scaled_design
from ml.candidates.recency_rule import RECENCY_COLUMN
from ml.features import FeatureContract
from ml.linear_paths import linear_contributions

READS = (RECENCY_COLUMN, "paid_days_lifetime", "net_amount_lifetime")


def build(
    contract: FeatureContract, _rows: int, _horizon_days: int, seed: int, _parameters: Parameters
) -> Pipeline:
    """Return the unfitted pipeline; three weights need no shrinkage to speak of."""
    return Pipeline(
        [*scaled_design(contract), ("classify", LogisticRegression(max_iter=1000, random_state=seed))]
    )


CANDIDATE = Candidate(
    "rfm_logistic", build, linear_contributions, complexity=1, reads=READS, trusted_types=TRUSTED_TYPES
)

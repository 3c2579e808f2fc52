"""Rows of other campaigns that a learner may learn from beside its own: a user's response has much in common.

Who is put off by an e-mail is seldom won by a text message. What was seen in other campaigns adds to the few
outcomes of one; whether it helps is judged on that campaign's own users, none of whose rows, in any campaign,
were learnt from.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Rows:
    """Rows to learn from.

    Attributes
    ----------
    inputs : pandas.DataFrame
        Prepared by the contract of the campaign that learns.
    outcome, propensity : array, shape (rows,)
        What is learnt, and the chance to be treated.
    treated : array of bool, shape (rows,)
        Arm.
    user_ids : array of object, shape (rows,)
        Whose rows they are.
    """

    inputs: pd.DataFrame
    outcome: Floats
    treated: NDArray[np.bool_]
    propensity: Floats
    user_ids: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.outcome)

    def of(self, kept: NDArray[np.bool_] | NDArray[np.int64]) -> "Rows":
        """Return some of the rows."""
        return Rows(
            self.inputs.iloc[np.flatnonzero(kept) if kept.dtype == bool else kept],
            self.outcome[kept],
            self.treated[kept],
            self.propensity[kept],
            self.user_ids[kept],
        )

    def without(self, user_ids: NDArray[np.object_]) -> "Rows":
        """Return the rows of other users."""
        return self.of(~pd.Index(self.user_ids).isin(pd.Index(user_ids)))

    def with_rows(self, more: "Rows") -> "Rows":
        """Return these rows, then others."""
        return Rows(
            pd.concat([self.inputs, more.inputs], ignore_index=True),
            np.concatenate([self.outcome, more.outcome]),
            np.concatenate([self.treated, more.treated]),
            np.concatenate([self.propensity, more.propensity]),
            np.concatenate([self.user_ids, more.user_ids]),
        )

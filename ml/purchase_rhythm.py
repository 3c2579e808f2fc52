"""Inputs that a buy-till-you-die model works out from three others, for every candidate to read.

The model is fitted on the training rows without their labels and kept in the feature contract, so that a user
to score gets the inputs that the same history would have got in training.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.buy_till_you_die import BuyTillYouDie, fit_buy_till_you_die

Floats = NDArray[np.float64]
PAID_DAYS = "paid_days_lifetime"
AGE = "days_since_first_paid_order"
SILENCE = "days_since_last_paid_order"
READS = (PAID_DAYS, AGE, SILENCE)
# Four numbers are learnt: with so many users their sampling error is far below what the model ignores.
ROWS_AT_MOST = 20_000


@dataclass(frozen=True)
class PurchaseRhythm:
    """A fitted buy-till-you-die model and how far it looks ahead.

    Attributes
    ----------
    model : BuyTillYouDie
        Fitted on the histories of the training rows.
    horizon_days : int
        Days ahead that orders are expected for.
    """

    model: BuyTillYouDie
    horizon_days: int

    @property
    def themes(self) -> Mapping[str, str]:
        """Theme of each input, by name and in order."""
        return {
            "probability_alive": "recency",
            f"expected_orders_{self.horizon_days}d": "frequency",
            self.no_order_column: "recency",
        }

    @property
    def no_order_column(self) -> str:
        """Name of the probability of no order at all within the horizon."""
        return f"no_order_probability_{self.horizon_days}d"

    def columns(self, frame: pd.DataFrame) -> dict[str, Floats]:
        """Return the inputs by name, each of shape (rows,).

        They are NaN where the history is not known or impossible.
        """
        history = _histories(frame)
        known = _is_possible(history)
        repeats, last, age = history[known].T
        values = (
            self.model.probability_alive(repeats, last, age),
            self.model.expected_orders(repeats, last, age, self.horizon_days),
            self.model.probability_of_no_order(repeats, last, age, self.horizon_days),
        )
        columns = {name: np.full(len(frame), np.nan) for name in self.themes}
        for name, value in zip(columns, values, strict=True):
            columns[name][known] = value
        return columns

    def to_json(self) -> dict[str, Any]:
        """Return the rhythm as plain values."""
        return {"model": asdict(self.model), "horizon_days": self.horizon_days}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "PurchaseRhythm":
        """Read back what `to_json` wrote."""
        return cls(BuyTillYouDie(**value["model"]), value["horizon_days"])


def fit_purchase_rhythm(frame: pd.DataFrame, horizon_days: int) -> PurchaseRhythm | None:
    """Fit on training rows; None where a column is missing or no history is known.

    The longest silence among the rows tells how recent a purchase must be for a user to be there at all.
    """
    if not set(READS) <= set(frame.columns):
        return None
    history = _histories(frame)
    history = history[_is_possible(history)]
    if not len(history):
        return None
    seen_within = float((history[:, 2] - history[:, 1]).max()) + 1.0
    repeats, last, age = history[:: math.ceil(len(history) / ROWS_AT_MOST)].T
    model = fit_buy_till_you_die(repeats, last, age, seen_within=seen_within)
    return PurchaseRhythm(model, horizon_days)


def _histories(frame: pd.DataFrame) -> Floats:
    """Return x, t_x and T per row, shape (rows, 3)."""
    paid_days, age, silence = (frame[name].to_numpy(dtype=np.float64, na_value=np.nan) for name in READS)
    return np.column_stack([paid_days - 1.0, age - silence, age])


def _is_possible(history: Floats) -> NDArray[np.bool_]:
    repeats, last, age = history.T
    possible: NDArray[np.bool_] = (repeats >= 0) & (last >= 0) & (last <= age)  # false for NaN as well
    return possible

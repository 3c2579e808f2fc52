"""How much better than a plain rule an honest model can be.

The plain rule is a logistic regression on what everybody knows to matter: how long ago, how often and for how
much a user bought, how that compares with the user's own rhythm, and how long ago and how often the user did
anything at all. It reads nine columns that have tests of their own, so a leak elsewhere does not raise it.

The distance is told as d' = sqrt(2) · Phi⁻¹(AUC), the distance of churners from stayers in standard
deviations (Green and Swets, Signal Detection Theory, 1966). An AUC is squeezed towards 1, d' is not: a gain
of .02 at an AUC of .70 and one of .01 at .90 are about as much evidence, and independent sources of evidence
add up in squares of d'. So one limit holds for shops whose users are easy and hard to tell apart.

Two shops were measured, an online retailer with orders alone and a simulated shop with browsing, returns,
service and campaigns, on 31 test days and windows of 30 to 90 days. The full model was between .06 below and
.04 above the plain rule. A planted copy of the label with noise of 1.5 standard deviations put it .11 to .29
above, with noise of one standard deviation .37 to .53.

- Where every input comes from purchases, .15 is the limit: they hold little that the plain rule does not
  know. For the online retailer that is an AUC of about .76, .77 and .79 at 30, 60 and 90 days, where honest
  models reach .73, .74 and .76.
- Where users are also seen between purchases, .30: a source of its own that ranks churn with an AUC of .72
  lifts a rule with .76 that far.

A limit only counts as crossed when chance does not explain it: the lower end of the paired 95 % interval must
lie above `NOTHING_UNUSUAL`.
"""

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ml.paired_comparison import auc_difference, is_too_few, roc_auc
from warehouse.errors import ContractBreach

Floats = NDArray[np.float64]
PLAIN_COLUMNS = (
    "days_since_last_paid_order",
    "paid_days_lifetime",
    "paid_days_365d",
    "paid_orders_90d",
    "net_amount_365d",
    "days_since_first_paid_order",
    "recency_in_own_gaps",
    "days_since_last_activity",
    "active_days_30d",
    "active_days_90d",
)
# Tables that tell of purchases again, from another side. Columns without a table are about activity of any
# kind or about the user.
PURCHASE_TABLES = frozenset(
    {"", "orders", "order_items", "returns", "coupons", "promotions", "products", "users"}
)
LARGEST_GAIN_FROM_PURCHASES = 0.15
LARGEST_GAIN = 0.30
NOTHING_UNUSUAL = 0.05
SHRINKAGE = 0.1
NEVER = 1e-9


def load_tables_of_features(seed: Path) -> dict[str, str]:
    """Return the table that each feature is made from, from the seed with `reason_code` and `made_from`."""
    with seed.open(encoding="utf-8", newline="") as file:
        return {row["reason_code"]: row["made_from"] for row in csv.DictReader(file)}


def sees_users_between_purchases(frame: pd.DataFrame, tables: Mapping[str, str]) -> bool:
    """Return whether any column that is not the same for everybody comes from more than purchases.

    A column whose table is not known does not count: who adds one earns no wider limit by it.
    """
    return any(
        tables.get(str(column), "") not in PURCHASE_TABLES and frame[column].nunique(dropna=False) > 1
        for column in frame.columns
    )


def plain_rule_scores(training: pd.DataFrame, test: pd.DataFrame) -> Floats:
    """Fit the plain rule and return its probabilities of churn for other rows.

    Parameters
    ----------
    training, test : pandas.DataFrame
        Labelled rows as `ml.dataset` reads them; the test's labels are not looked at.

    Returns
    -------
    array, shape (test rows,)

    Raises
    ------
    ContractBreach
        If the rows have none of the columns that the rule reads.
    """
    columns = [column for column in PLAIN_COLUMNS if column in training.columns]
    if not columns:
        raise ContractBreach(
            "The plain rule finds none of its columns", None, f"deliver some of {', '.join(PLAIN_COLUMNS)}"
        )
    rule = make_pipeline(StandardScaler(), LogisticRegression(C=SHRINKAGE, max_iter=1000))
    rule.fit(_design(training, columns), training["churned"].to_numpy())
    scores: Floats = rule.predict_proba(_design(test, columns))[:, 1]
    return scores


def _design(frame: pd.DataFrame, columns: list[str]) -> Floats:
    """Return logarithms of the columns, and whether each is NULL."""
    values = np.column_stack([frame[column].to_numpy(np.float64, na_value=np.nan) for column in columns])
    missing = np.isnan(values)
    return np.hstack([np.log1p(np.where(missing, 0, values).clip(min=0)), missing])


def implausible_score(
    candidate: str, churned: NDArray[np.int64], score: Floats, plain: Floats, *, limit: float
) -> str:
    """Return an alarm if a score ranks churn better than honest inputs can; empty if it does not.

    Parameters
    ----------
    candidate : str
        Whose score.
    churned : array, shape (users,)
        Labels of the test.
    score : array, shape (users,)
        Probabilities, out of time.
    plain : array, shape (users,)
        Those of the plain rule.
    limit : float
        `largest_gain` of the shop.

    Returns
    -------
    str
        Too few users raise no alarm.
    """
    if is_too_few(churned):
        return ""
    auc, plain_auc = roc_auc(churned, score), roc_auc(churned, plain)
    gain = _separation(auc) - _separation(plain_auc)
    _, error = auc_difference(churned, score, plain)
    noise = float(norm.isf(0.025) * error * np.sqrt(2) / norm.pdf(norm.ppf(np.clip(auc, NEVER, 1 - NEVER))))
    if gain <= limit or gain - noise <= NOTHING_UNUSUAL:
        return ""
    highest = float(norm.cdf((_separation(plain_auc) + limit) / np.sqrt(2)))
    return (
        f"{candidate} is too good to be true: ROC-AUC {auc:.3f} on {len(churned):,} users, where a plain "
        f"rule reaches {plain_auc:.3f} and honest inputs at most {highest:.3f}"
    )


def largest_gain(frame: pd.DataFrame, tables: Mapping[str, str]) -> float:
    """Return how far above the plain rule an honest model can be, in units of d'."""
    return LARGEST_GAIN if sees_users_between_purchases(frame, tables) else LARGEST_GAIN_FROM_PURCHASES


def _separation(auc: float) -> float:
    """Return d' of an AUC."""
    return float(np.sqrt(2) * norm.ppf(np.clip(auc, NEVER, 1 - NEVER)))

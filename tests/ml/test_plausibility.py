from datetime import date

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from ml.calibration import logistic
from ml.plausibility import (
    PLAIN_COLUMNS,
    PURCHASE_TABLES,
    implausible_score,
    largest_gain,
    load_tables_of_features,
    plain_rule_scores,
    sees_users_between_purchases,
)
from tests.ml.judged import make_judged
from tests.ml.makers import make_rows
from warehouse.errors import ContractBreach
from warehouse.settings import REPOSITORY

SEED = REPOSITORY / "dbt_project" / "seeds" / "reason_texts.csv"


def test_a_model_a_little_better_than_the_plain_rule_raises_no_alarm():
    churned, scores = make_judged(3_000, {"model": 0.9, "plain": 1.0})
    assert implausible_score("boosted_trees", churned, scores["model"], scores["plain"], limit=0.15) == ""


def test_a_model_far_above_the_plain_rule_is_told_with_both_figures_and_the_most_that_is_honest():
    churned, scores = make_judged(3_000, {"model": 0.3, "plain": 1.5})
    alarm = implausible_score("boosted_trees", churned, scores["model"], scores["plain"], limit=0.15)
    assert "boosted_trees is too good to be true: ROC-AUC 0.7" in alarm
    assert "on 3,000 users, where a plain rule reaches 0.6" in alarm
    assert "and honest inputs at most 0.6" in alarm


# The AUC of the reference work on an online retailer, of its plain rule, and from which a leak is certain.
RETAILER = [(30, 0.731, 0.724, 0.770), (60, 0.740, 0.737, 0.780), (90, 0.758, 0.752, 0.795)]


def scores_with_auc(auc, churned, seed):
    """Return scores of about that AUC: those of churners are the normal ones of stayers, moved up."""
    scores = np.empty(len(churned))
    for kind in (0, 1):
        places = (np.arange((churned == kind).sum()) + 0.5) / (churned == kind).sum()
        scores[churned == kind] = np.random.default_rng(seed).permutation(norm.ppf(places))
    return logistic(scores + np.sqrt(2) * norm.ppf(auc) * churned)


@pytest.mark.parametrize(("horizon", "honest", "plain", "leak"), RETAILER)
def test_the_limit_lies_between_what_is_honest_and_what_is_certainly_a_leak(horizon, honest, plain, leak):
    churned = np.array([0, 1] * 1_500)
    of_plain = scores_with_auc(plain, churned, 0)
    limit = largest_gain(pd.DataFrame({"paid_orders_30d": [1, 2]}), {"paid_orders_30d": "orders"})
    alarms = [
        implausible_score(f"h{horizon}", churned, scores_with_auc(auc, churned, 1), of_plain, limit=limit)
        for auc in (honest, leak)
    ]
    assert alarms[0] == ""
    assert f"h{horizon} is too good to be true" in alarms[1]


def test_few_users_must_be_further_off_for_chance_not_to_explain_it():
    known = []
    for users in (130, 4_000):
        churned = np.array([0, 1] * (users // 2))
        plain, model = scores_with_auc(0.70, churned, 0), scores_with_auc(0.76, churned, 1)
        known.append(bool(implausible_score("m", churned, model, plain, limit=0.15)))
    assert known == [False, True]


def test_too_few_users_raise_no_alarm():
    churned = np.array([1] * 10 + [0] * 10)
    assert implausible_score("m", churned, churned.astype(float), np.full(20, 0.5), limit=0.15) == ""


def test_shops_that_see_users_between_purchases_may_gain_more():
    tables = {"sessions_30d": "events", "returns_90d": "returns", "paid_orders_30d": "orders"}
    orders = pd.DataFrame({"paid_orders_30d": [1, 2], "returns_90d": [0, 1], "planted": [0, 1]})
    assert not sees_users_between_purchases(orders, tables)
    assert not sees_users_between_purchases(orders.assign(sessions_30d=np.nan), tables)
    assert sees_users_between_purchases(orders.assign(sessions_30d=[0, 3]), tables)
    assert largest_gain(orders.assign(sessions_30d=[0, 3]), tables) > largest_gain(orders, tables)


def test_the_plain_rule_ranks_users_it_has_not_seen_and_takes_null_for_an_answer():
    training, test = make_rows(date(2024, 5, 1), 1_500), make_rows(date(2024, 6, 1), 800)
    test.loc[:40, "days_since_last_paid_order"] = np.nan
    scores = plain_rule_scores(training, test)
    assert scores.shape == (800,)
    assert np.isfinite(scores).all()
    churned = test["churned"].to_numpy()
    assert scores[churned == 1].mean() > scores[churned == 0].mean() + 0.1


def test_the_plain_rule_never_looks_at_the_labels_of_the_test():
    training, test = make_rows(date(2024, 5, 1), 500), make_rows(date(2024, 6, 1), 300)
    np.testing.assert_array_equal(
        plain_rule_scores(training, test), plain_rule_scores(training, test.assign(churned=0))
    )


def test_rows_without_any_column_of_the_plain_rule_are_refused():
    rows = make_rows(date(2024, 5, 1), 100)[["as_of_date", "user_id", "country", "churned"]]
    with pytest.raises(ContractBreach, match="paid_days_lifetime"):
        plain_rule_scores(rows, rows)


def test_the_columns_of_the_plain_rule_and_the_tables_of_purchases_are_those_of_the_seed():
    tables = load_tables_of_features(SEED)
    assert set(PLAIN_COLUMNS) <= set(tables)
    assert {tables[column] for column in PLAIN_COLUMNS} <= PURCHASE_TABLES
    assert {"events", "support_messages"} <= set(tables.values()) - PURCHASE_TABLES

import numpy as np
import pandas as pd
import pytest

from ml.candidates import candidate_named
from ml.explanation import explain, theme_of
from ml.model import fit_model
from tests.ml.makers import FEATURES, HORIZON, TRAINED_AS_OF, make_rows

DAY = pd.Timestamp("2025-01-08").date()


@pytest.mark.parametrize(
    ("code", "theme"),
    [
        ("paid_orders_30d", "paid_orders"),
        ("paid_orders_365d", "paid_orders"),
        ("days_since_last_paid_order", "days_since_last_paid_order"),
    ],
)
def test_windows_of_one_measure_are_one_theme(code, theme):
    assert theme_of(code, {}) == theme


def test_a_named_theme_wins_over_the_name():
    assert theme_of("paid_orders_30d", {"paid_orders_30d": "frequency"}) == "frequency"


def test_reasons_are_strongest_first_one_per_theme_and_true(outcome):
    rows = make_rows(DAY, 300, seed=5)
    reasons = explain(outcome.model, rows, {})
    assert len(reasons) == 300
    strength = reasons.filter(like="contribution").abs().to_numpy()
    assert (np.diff(strength, axis=1) <= 0).all()
    codes = reasons[["reason_1_code", "reason_2_code"]].map(lambda code: theme_of(code, {}))
    assert (codes["reason_1_code"] != codes["reason_2_code"]).all()
    numeric = reasons["reason_1_code"] != "country"
    shown = [rows.loc[row, reasons.loc[row, "reason_1_code"]] for row in reasons.index[numeric]]
    np.testing.assert_array_equal(np.array(shown, float), reasons.loc[numeric, "reason_1_value"])


def test_reasons_go_up_and_down_and_name_the_input_that_pulls_that_way(outcome):
    rows = make_rows(DAY, 300, seed=5)
    orders = ["paid_orders_30d", "paid_orders_90d", "days_since_last_paid_order"]
    reasons = explain(outcome.model, rows, dict.fromkeys(orders, "orders"))
    contributions, _ = outcome.model.contributions(rows)
    of_input = pd.DataFrame(contributions, columns=outcome.model.contract.input_names)
    assert (reasons["reason_1_contribution"] > 0).any()
    assert (reasons["reason_1_contribution"] < 0).any()
    about_orders = reasons[reasons["reason_1_code"].isin(orders)]
    assert about_orders["reason_1_code"].nunique() > 1
    direction = np.sign(about_orders["reason_1_contribution"])
    pulls = of_input.loc[about_orders.index, orders].mul(direction, axis=0)
    assert (pulls.idxmax(axis=1) == about_orders["reason_1_code"]).all()


def test_a_theme_that_does_not_move_the_score_is_no_reason():
    rows = make_rows(DAY, 300, seed=5)
    model, _ = fit_model(
        candidate_named("recency_rule"),
        rows,
        FEATURES,
        trained_as_of=TRAINED_AS_OF,
        horizon_days=HORIZON,
        seed=0,
    )
    reasons = explain(model, rows, {})
    assert reasons["reason_1_code"].eq("days_since_last_paid_order").all()
    assert reasons[["reason_2_code", "reason_3_code"]].isna().all(axis=None)


def test_a_user_who_never_ordered_lately_is_told_so(outcome):
    row = make_rows(DAY, 1).assign(
        paid_orders_30d=0.0, paid_orders_90d=0.0, has_complained=0.0, days_since_last_paid_order=10.0
    )
    assert explain(outcome.model, row, {})["reason_1_code"][0] in {"paid_orders_30d", "paid_orders_90d"}


def test_a_theme_contributes_as_a_whole(outcome):
    rows = make_rows(DAY, 50, seed=5)
    everything = dict.fromkeys(outcome.model.contract.names, "all")
    reasons = explain(outcome.model, rows, everything)
    contributions, _ = outcome.model.contributions(rows)
    np.testing.assert_allclose(reasons["reason_1_contribution"], contributions.sum(axis=1))
    assert reasons["reason_2_code"].isna().all()

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ml.candidates import candidate_named
from ml.explanation import approximation_error, explain, score_and_explain, theme_of, themes_of
from ml.features import prepare
from ml.model import fit_model
from ml.plain_effects import fit_plain_effects
from tests.ml.makers import FEATURES, FEATURES_WITH_HISTORY, HORIZON, TRAINED_AS_OF, make_rows, with_history
from warehouse.errors import GateFailure

DAY = pd.Timestamp("2025-01-08").date()


def fitted(name, rows=None, features=FEATURES):
    model, _ = fit_model(
        candidate_named(name),
        make_rows(DAY, 1500) if rows is None else rows,
        features,
        trained_as_of=TRAINED_AS_OF,
        horizon_days=HORIZON,
        seed=0,
    )
    return model


@pytest.fixture(scope="module")
def model():
    return fitted("boosted_trees")


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


def test_reasons_are_strongest_first_one_per_theme_and_true(model):
    rows = make_rows(DAY, 300, seed=5)
    reasons = explain(model, rows, {})
    assert len(reasons) == 300
    strength = reasons.filter(like="contribution").abs().to_numpy()
    assert (np.diff(strength, axis=1) <= 0).all()
    codes = reasons[["reason_1_code", "reason_2_code"]].map(lambda code: theme_of(code, {}))
    assert (codes["reason_1_code"] != codes["reason_2_code"]).all()
    numeric = reasons["reason_1_code"] != "country"
    shown = [rows.loc[row, reasons.loc[row, "reason_1_code"]] for row in reasons.index[numeric]]
    np.testing.assert_array_equal(np.array(shown, float), reasons.loc[numeric, "reason_1_value"])


def test_reasons_go_up_and_down_and_name_the_input_that_pulls_that_way(model):
    rows = make_rows(DAY, 300, seed=5)
    orders = ["paid_orders_30d", "paid_orders_90d", "days_since_last_paid_order"]
    reasons = explain(model, rows, dict.fromkeys(orders, "orders"))
    contributions, _ = model.contributions(rows)
    of_input = pd.DataFrame(contributions, columns=model.contract.input_names)
    assert (reasons["reason_1_contribution"] > 0).any()
    assert (reasons["reason_1_contribution"] < 0).any()
    about_orders = reasons[reasons["reason_1_code"].isin(orders)]
    assert about_orders["reason_1_code"].nunique() > 1
    direction = np.sign(about_orders["reason_1_contribution"])
    pulls = of_input.loc[about_orders.index, orders].mul(direction, axis=0)
    assert (pulls.idxmax(axis=1) == about_orders["reason_1_code"]).all()


def weighed_against_each_other(of_orders, of_silence):
    """A regression in which two inputs of one theme have the given weights and nothing else counts."""
    rows = make_rows(DAY, 1500)
    model = fitted("logistic_regression", rows)
    design, classify = model.estimator.named_steps["design"], model.estimator.named_steps["classify"]
    numbers = list(design.transformers_[0][2])
    classify.coef_[0] = 0.0
    classify.coef_[0, numbers.index("paid_orders_90d")] = of_orders
    classify.coef_[0, numbers.index("days_since_last_paid_order")] = of_silence
    return replace(
        model, effects=fit_plain_effects(prepare(rows, model.contract), rows["churned"].to_numpy())
    )


BUYING = dict.fromkeys(["paid_orders_90d", "days_since_last_paid_order"], "buying")


def test_an_input_that_pulls_against_what_users_with_its_value_did_does_not_stand_for_its_theme():
    model = weighed_against_each_other(of_orders=1.0, of_silence=0.3)
    row = make_rows(DAY, 1).assign(paid_orders_90d=6.0, days_since_last_paid_order=170.0)
    reasons = explain(model, row, BUYING)
    contributions, _ = model.contributions(row)
    pulls = dict(zip(model.contract.input_names, contributions[0], strict=True))
    assert pulls["paid_orders_90d"] > pulls["days_since_last_paid_order"] > 0
    assert reasons["reason_1_code"][0] == "days_since_last_paid_order"
    assert reasons["reason_1_value"][0] == 170.0
    assert reasons["reason_1_contribution"][0] == pytest.approx(sum(pulls.values()))
    assert explain(replace(model, effects={}), row, BUYING)["reason_1_code"][0] == "paid_orders_90d"


def test_where_no_other_input_pulls_that_way_it_stands_for_the_theme_all_the_same():
    model = weighed_against_each_other(of_orders=1.0, of_silence=-0.1)
    row = make_rows(DAY, 1).assign(paid_orders_90d=6.0, days_since_last_paid_order=170.0)
    assert explain(model, row, BUYING)["reason_1_code"][0] == "paid_orders_90d"


def test_a_theme_that_does_not_move_the_score_is_no_reason():
    reasons = explain(fitted("recency_rule"), make_rows(DAY, 300, seed=5), {})
    assert reasons["reason_1_code"].eq("days_since_last_paid_order").all()
    assert reasons[["reason_2_code", "reason_3_code"]].isna().all(axis=None)


def test_a_user_who_never_ordered_lately_is_told_so(model):
    row = make_rows(DAY, 1).assign(
        paid_orders_30d=0.0, paid_orders_90d=0.0, has_complained=0.0, days_since_last_paid_order=10.0
    )
    assert explain(model, row, {})["reason_1_code"][0] in {"paid_orders_30d", "paid_orders_90d"}


def test_a_theme_contributes_as_a_whole(model):
    rows = make_rows(DAY, 50, seed=5)
    everything = dict.fromkeys(model.contract.names, "all")
    reasons = explain(model, rows, everything)
    contributions, _ = model.contributions(rows)
    np.testing.assert_allclose(reasons["reason_1_contribution"], contributions.sum(axis=1))
    assert reasons["reason_2_code"].isna().all()


def test_scores_and_reasons_made_together_are_those_made_apart(model, monkeypatch):
    monkeypatch.setattr("ml.explanation.BLOCK_ROWS", 100)
    rows = make_rows(DAY, 250, seed=5)
    probability, reasons = score_and_explain(model, rows, {})
    np.testing.assert_allclose(probability, model.predict(rows), rtol=0, atol=1e-12)
    monkeypatch.setattr("ml.explanation.BLOCK_ROWS", 1000)
    pd.testing.assert_frame_equal(reasons, explain(model, rows, {}))


def test_inputs_that_are_worked_out_have_a_theme_and_a_value():
    rows = with_history(make_rows(DAY, 1500))
    model = fitted("buy_till_you_die", rows, FEATURES_WITH_HISTORY)
    assert themes_of(model, {"days_since_last_paid_order": "recency"})["recency"] == [0, 3, 5]
    reasons = explain(model, rows.head(20), {})
    assert reasons["reason_1_code"].eq("no_order_probability_30d").all()
    assert reasons["reason_1_value"].between(0, 1).all()


def test_the_error_of_an_approximation_is_measured(model):
    rows = make_rows(DAY, 200, seed=5)
    assert approximation_error(model, rows, {}) == 0
    assert 0 < approximation_error(fitted("neural_network"), rows, {}) < 0.2


def test_reasons_that_do_not_add_up_to_the_score_are_refused(model, monkeypatch):
    split = model.split
    monkeypatch.setattr(
        type(model), "split", lambda _self, *given: (split(*given)[0] * 1.001, *split(*given)[1:])
    )
    with pytest.raises(GateFailure, match="do not add up"):
        score_and_explain(model, make_rows(DAY, 50), {})

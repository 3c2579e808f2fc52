import numpy as np
import pandas as pd
import pytest

from ml.candidates import candidate_named
from ml.features import prepare
from ml.model import fit_model
from ml.shap_agreement import _shapley_values, shap_agreement
from tests.ml.makers import FEATURES, HORIZON, TRAINED_AS_OF, make_rows

DAY = pd.Timestamp("2024-06-01").date()


@pytest.fixture(scope="module")
def rows():
    """Return users whose country matters, some of whom have none."""
    rows = make_rows(DAY, 800)
    rows["country"] = np.where(rows["churned"] == 1, rows["country"], "FR")
    rows.loc[::7, "country"] = None
    return rows


def fitted(name, rows):
    model, _ = fit_model(
        candidate_named(name), rows, FEATURES, trained_as_of=TRAINED_AS_OF, horizon_days=HORIZON, seed=0
    )
    return model


@pytest.mark.parametrize("name", ["boosted_trees", "decision_tree", "random_forest", "blend"])
def test_shapley_values_add_up_to_the_log_odds_whatever_the_country(name, rows):
    model = fitted(name, rows)
    inputs = prepare(rows, model.contract)
    values = _shapley_values(name, model.estimator, inputs)
    start = model.estimator.decision_function(inputs) - values.sum(axis=1)
    assert np.ptp(start) < 1e-9
    assert np.abs(values[:, inputs.columns.get_loc("country")]).max() > 0.1


def test_agreement_is_measured_on_a_sample(rows):
    agreement = shap_agreement(fitted("boosted_trees", rows), rows, {}, rows=300)
    assert agreement.users == 300
    assert 0.6 < agreement.same_first_theme <= 1
    assert 0.8 < agreement.rank_correlation < 1
    again = shap_agreement(fitted("boosted_trees", rows), rows, {}, rows=300)
    assert again == agreement


def test_a_linear_model_agrees_by_nature(rows):
    agreement = shap_agreement(fitted("logistic_regression", rows), rows, {})
    assert agreement.users == len(rows)
    assert agreement.same_first_theme == 1
    assert agreement.rank_correlation == pytest.approx(1, abs=1e-3)


def test_themes_are_compared_not_inputs(rows):
    model = fitted("boosted_trees", rows)
    everything = dict.fromkeys(model.contract.input_names, "all")
    agreement = shap_agreement(model, rows, everything, rows=200)
    assert (agreement.same_first_theme, agreement.rank_correlation) == (1, 1)


def test_there_is_no_reference_for_a_neural_network(rows):
    assert shap_agreement(fitted("neural_network", rows), rows, {}) is None

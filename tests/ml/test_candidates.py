import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from ml.calibration import logistic
from ml.candidates import CANDIDATES, RecencyRule, candidate_named
from ml.model import fit_model
from tests.ml.makers import FEATURES, HORIZON, TRAINED_AS_OF, make_rows
from warehouse.errors import ContractBreach

DAY = pd.Timestamp("2024-06-01").date()


def fitted(name, rows):
    model, _ = fit_model(
        candidate_named(name), rows, FEATURES, trained_as_of=TRAINED_AS_OF, horizon_days=HORIZON, seed=0
    )
    return model


@pytest.mark.parametrize("name", [candidate.name for candidate in CANDIDATES])
def test_contributions_add_up_to_the_calibrated_log_odds(name):
    rows = make_rows(DAY, 1500)
    rows.loc[::7, "country"] = None
    model = fitted(name, rows)
    unseen = make_rows(DAY, 400, seed=9)
    unseen.loc[::5, "country"] = "Atlantis"
    unseen.loc[::6, "country"] = None
    contributions, base = model.contributions(unseen)
    np.testing.assert_allclose(
        logistic(contributions.sum(axis=1) + base), model.predict(unseen), rtol=0, atol=1e-9
    )
    raw = model.log_odds(unseen) * model.calibrator.slope + model.calibrator.intercept
    assert np.abs(contributions.sum(axis=1) + base - raw).max() < 1e-6
    assert np.abs(contributions).max() > 0


@pytest.mark.parametrize("name", ["logistic_regression", "boosted_trees"])
def test_an_input_without_meaning_contributes_little(name):
    model = fitted(name, make_rows(DAY, 1500))
    contributions, _ = model.contributions(make_rows(DAY, 400, seed=9))
    strength = dict(zip(model.contract.names, np.abs(contributions).mean(axis=0), strict=True))
    assert strength["paid_orders_90d"] > 5 * strength["country"]


def test_the_recency_rule_rises_with_silence_and_reads_nothing_else():
    model = fitted("recency_rule", make_rows(DAY, 1500))
    assert model.contract.names == ["days_since_last_paid_order"]
    silence = pd.DataFrame({"days_since_last_paid_order": [1.0, 10.0, 100.0]})
    assert (np.diff(model.predict(silence)) > 0).all()


def test_the_recency_rule_without_a_fit_gives_even_odds_at_the_horizon():
    rule = RecencyRule(30).fit(pd.DataFrame({"days_since_last_paid_order": [5.0]}), np.array([1]))
    silence = pd.DataFrame({"days_since_last_paid_order": [0.0, 30.0, 300.0, np.nan]})
    probability = rule.predict_proba(silence)[:, 1]
    assert probability[0] < probability[1] < probability[2]
    assert probability[1] == pytest.approx(0.5)
    assert np.isfinite(probability).all()


def test_estimators_can_be_cloned():
    assert clone(RecencyRule(45)).horizon_days == 45


def test_an_unknown_candidate_is_refused_with_the_known_ones():
    with pytest.raises(ContractBreach, match="boosted_trees"):
        candidate_named("oracle")

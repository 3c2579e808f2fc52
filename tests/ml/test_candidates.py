import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.base import clone
from sklearn.metrics import roc_auc_score

from ml.artefact import TRUSTED_TYPES, estimator_bytes, estimator_from
from ml.calibration import logistic
from ml.candidates import CANDIDATES, RECENCY_RULE, RecencyRule, candidate_named
from ml.features import prepare
from ml.model import few_threads, fit_model
from tests.ml.makers import FEATURES, FEATURES_WITH_HISTORY, HORIZON, TRAINED_AS_OF, make_rows, with_history
from warehouse.errors import ContractBreach

DAY = pd.Timestamp("2024-06-01").date()
NAMES = [candidate.name for candidate in CANDIDATES]
READS_EVERYTHING = [candidate.name for candidate in CANDIDATES if not candidate.reads]


def fitted(name, rows, features=FEATURES_WITH_HISTORY, seed=0, **parameters):
    model, _ = fit_model(
        candidate_named(name),
        rows,
        features,
        trained_as_of=TRAINED_AS_OF,
        horizon_days=HORIZON,
        seed=seed,
        parameters=parameters,
    )
    return model


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """As in training on so few rows: sums in another order differ in the last digit."""
    with few_threads(1):
        yield


@pytest.fixture(scope="module")
def rows():
    rows = with_history(make_rows(DAY, 1500))
    rows.loc[::7, "country"] = None
    return rows


@pytest.fixture(scope="module")
def unseen():
    unseen = with_history(make_rows(DAY, 400, seed=9))
    unseen.loc[::5, "country"] = "Atlantis"
    unseen.loc[::6, "country"] = None
    return unseen


@pytest.fixture(scope="module")
def models(rows):
    return {name: fitted(name, rows) for name in NAMES}


def test_every_file_with_a_candidate_takes_part_and_the_simple_ones_come_first():
    assert set(NAMES) == {
        "recency_rule", "personal_gap_rule", "buy_till_you_die", "rfm_logistic", "logistic_regression",
        "elastic_net", "linear_svm", "decision_tree", "random_forest", "boosted_trees", "neural_network",
        "blend",
    }  # fmt: skip
    assert NAMES[0] == RECENCY_RULE
    complexity = [candidate.complexity for candidate in CANDIDATES]
    assert complexity == sorted(complexity)


@pytest.mark.parametrize("name", NAMES)
def test_contributions_add_up_to_the_calibrated_log_odds(name, models, unseen):
    model = models[name]
    contributions, base = model.contributions(unseen)
    assert contributions.shape == (len(unseen), len(model.contract.input_names))
    np.testing.assert_allclose(
        logistic(contributions.sum(axis=1) + base), model.predict(unseen), rtol=0, atol=1e-9
    )
    raw = model.log_odds(unseen) * model.calibrator.slope + model.calibrator.intercept
    assert np.abs(contributions.sum(axis=1) + base - raw).max() < 1e-6
    assert np.abs(contributions).max() > 0


@pytest.mark.parametrize("name", NAMES)
def test_a_model_file_brings_the_same_scores_back(name, models, unseen):
    model = models[name]
    content = estimator_bytes(model.estimator)
    assert set(skops.io.get_untrusted_types(data=content)) <= set(candidate_named(name).trusted_types)
    inputs = prepare(unseen, model.contract)
    np.testing.assert_array_equal(
        estimator_from(content).decision_function(inputs), model.estimator.decision_function(inputs)
    )


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_model_file(name, models, rows):
    contract = models[name].contract
    again = candidate_named(name).build(contract, len(rows), HORIZON, 0, {})
    again.fit(prepare(rows, contract), rows["churned"].to_numpy())
    assert estimator_bytes(again) == estimator_bytes(models[name].estimator)


@pytest.mark.parametrize("name", READS_EVERYTHING)
def test_what_is_there_to_learn_is_learnt(name, models, unseen):
    model = models[name]
    assert roc_auc_score(unseen["churned"], model.predict(unseen)) > 0.7
    contributions, _ = model.contributions(unseen)
    strength = dict(zip(model.contract.input_names, np.abs(contributions).mean(axis=0), strict=True))
    assert strength["has_complained"] > 2 * strength["country"]


@pytest.mark.parametrize("name", NAMES)
def test_a_shop_without_purchase_histories_is_scored_all_the_same(name, rows):
    model = fitted(name, rows.head(500), FEATURES)
    assert np.isfinite(model.predict(make_rows(DAY, 50, seed=9))).all()


@pytest.mark.parametrize("candidate", [one for one in CANDIDATES if one.space], ids=lambda one: one.name)
def test_every_parameter_of_the_search_changes_the_model(candidate, rows, unseen):
    contract = fitted(RECENCY_RULE, rows).contract.reading(FEATURES_WITH_HISTORY, [])
    for parameter in candidate.space:
        assert parameter.low < parameter.high
        ends = [
            candidate.build(contract, 100_000, HORIZON, 0, {parameter.name: end})
            for end in (parameter.low, parameter.high)
        ]
        assert str(ends[0].get_params()) != str(ends[1].get_params()), parameter.name


def test_the_rules_read_what_they_say_and_nothing_else(models):
    assert models["recency_rule"].contract.input_names == ["days_since_last_paid_order"]
    assert models["personal_gap_rule"].contract.rhythm is None
    assert models["buy_till_you_die"].contract.input_names[-1] == "no_order_probability_30d"


def test_the_recency_rule_rises_with_silence(models):
    silence = pd.DataFrame({"days_since_last_paid_order": [1.0, 10.0, 100.0]})
    assert (np.diff(models["recency_rule"].predict(silence)) > 0).all()


def test_the_recency_rule_without_a_fit_gives_even_odds_at_the_horizon():
    rule = RecencyRule(30).fit(pd.DataFrame({"days_since_last_paid_order": [5.0]}), np.array([1]))
    silence = pd.DataFrame({"days_since_last_paid_order": [0.0, 30.0, 300.0, np.nan]})
    probability = rule.predict_proba(silence)[:, 1]
    assert probability[0] < probability[1] < probability[2]
    assert probability[1] == pytest.approx(0.5)
    assert np.isfinite(probability).all()


def test_a_gap_of_ones_own_is_shrunk_to_the_shops(models):
    rule = models["personal_gap_rule"].estimator
    users = pd.DataFrame(
        {
            "days_since_last_paid_order": [59.0, 59.0, 59.0],
            "purchase_gap_mean_days": [np.nan, 10.0, 10.0],
            "paid_days_lifetime": [1.0, 2.0, 41.0],
        }
    )
    gap = 60 / np.exp(rule.variable(users))
    assert gap[0] == pytest.approx(rule.shop_gap_)
    assert gap[1] == pytest.approx((10 + 4 * rule.shop_gap_) / 5)
    assert gap[2] == pytest.approx((400 + 4 * rule.shop_gap_) / 44)


def test_a_blend_is_the_weighted_mean_of_its_members(models, unseen):
    blend = models["blend"].estimator
    inputs = prepare(unseen, models["blend"].contract)
    members = np.column_stack([member.decision_function(inputs) for member in blend.members_])
    assert sum(blend.weights) == pytest.approx(1)
    np.testing.assert_allclose(blend.decision_function(inputs), members @ blend.weights)


def test_a_blend_hands_parameters_on_to_its_members(rows):
    blend = fitted("blend", rows, rhythm_share=0.2, trees_share=0.5, boosted_trees={"trees": 7}).estimator
    assert dict(blend.members)["boosted_trees"].max_iter == 7
    assert dict(zip(dict(blend.members), blend.weights, strict=True)) == pytest.approx(
        {"buy_till_you_die": 0.2, "logistic_regression": 0.3, "boosted_trees": 0.5}
    )


def test_estimators_can_be_cloned(models):
    for model in models.values():
        assert str(clone(model.estimator).get_params()) == str(model.estimator.get_params())


def test_an_unknown_candidate_is_refused_with_the_known_ones():
    with pytest.raises(ContractBreach, match="boosted_trees"):
        candidate_named("oracle")


def test_only_types_that_some_candidate_is_made_of_are_trusted():
    assert set(TRUSTED_TYPES) == {name for candidate in CANDIDATES for name in candidate.trusted_types}

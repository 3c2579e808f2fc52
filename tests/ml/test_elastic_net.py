import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from ml.candidates.elastic_net import ElasticNetLogistic


@pytest.fixture(scope="module")
def data():
    random = np.random.default_rng(0)
    inputs = random.normal(size=(600, 8))
    inputs[:, 1] += inputs[:, 0]
    log_odds = inputs[:, 0] - 0.5 * inputs[:, 2] + 0.3
    return inputs, (random.random(600) < 1 / (1 + np.exp(-log_odds))).astype(int)


@pytest.mark.parametrize(("penalty", "lasso_share"), [(0.02, 0.5), (0.1, 0.9), (0.005, 0.1)])
def test_weights_are_those_of_scikit_learn(data, penalty, lasso_share):
    inputs, churned = data
    ours = ElasticNetLogistic(penalty * lasso_share, penalty * (1 - lasso_share)).fit(inputs, churned)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        theirs = LogisticRegression(
            C=1 / (penalty * len(inputs)), l1_ratio=lasso_share, solver="saga", max_iter=2000, tol=1e-8
        ).fit(inputs, churned)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-4)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, atol=1e-4)


def test_inputs_that_carry_nothing_are_dropped(data):
    inputs, churned = data
    weights = ElasticNetLogistic(lasso=0.1, ridge=0.0).fit(inputs, churned).coef_[0]
    assert weights[0] > 0
    assert (weights[3:] == 0).all()


def test_a_penalty_that_outweighs_everything_leaves_the_base_rate(data):
    inputs, churned = data
    model = ElasticNetLogistic(lasso=10.0, ridge=0.0).fit(inputs, churned)
    assert not model.coef_.any()
    assert model.predict_proba(inputs)[0, 1] == pytest.approx(churned.mean())

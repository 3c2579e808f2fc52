"""What trees say of a row adds up to the model's score, also when the model was fitted again."""

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from ml import tree_paths
from ml.tree_paths import tree_contributions

ROWS = 400


def rows_and_labels(seed):
    chance = np.random.default_rng(seed)
    rows = pd.DataFrame({"a": chance.normal(size=ROWS), "b": chance.normal(size=ROWS)})
    return rows, (rows["a"] - rows["b"] + chance.normal(size=ROWS) > 0).to_numpy()


@pytest.fixture
def model():
    return HistGradientBoostingClassifier(max_iter=20, random_state=0)


def test_contributions_add_up_to_the_score_of_whatever_was_fitted_last(model):
    for seed in (1, 2):
        rows, labels = rows_and_labels(seed)
        contributions, base = tree_contributions(model.fit(rows, labels), rows)
        np.testing.assert_allclose(contributions.sum(axis=1) + base, model.decision_function(rows), atol=1e-9)


def test_a_models_trees_are_read_once(model, monkeypatch):
    rows, labels = rows_and_labels(1)
    first, _ = tree_contributions(model.fit(rows, labels), rows)
    monkeypatch.setattr(tree_paths, "_read_tree", None)
    again, _ = tree_contributions(model, rows)
    np.testing.assert_array_equal(first, again)


def test_what_was_read_of_a_model_goes_with_it():
    rows, labels = rows_and_labels(1)
    model = HistGradientBoostingClassifier(max_iter=20, random_state=0).fit(rows, labels)
    tree_contributions(model, rows)
    assert model in tree_paths._READ
    before = len(tree_paths._READ)
    del model
    assert len(tree_paths._READ) < before

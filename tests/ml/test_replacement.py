import numpy as np
import pandas as pd
import pytest

from ml.replacement import reference_of, replacement_contributions


class Formula:
    """An estimator whose score is a formula of the frame."""

    def __init__(self, formula, reference):
        self.decision_function = lambda frame: formula(frame).to_numpy(dtype=float)
        self.reference_ = reference


@pytest.fixture
def rows():
    random = np.random.default_rng(0)
    return pd.DataFrame(random.normal(size=(50, 3)), columns=["a", "b", "c"])


ZERO = {"a": 0.0, "b": 0.0, "c": 0.0}


def test_a_sum_is_split_into_its_terms(rows):
    model = Formula(lambda frame: 2 * frame["a"] - frame["b"] + 5, ZERO)
    contributions, base, missing = replacement_contributions(model, rows)
    assert base == 5
    np.testing.assert_allclose(contributions[:, 0], 2 * rows["a"])
    np.testing.assert_allclose(contributions[:, 2], 0, atol=1e-12)
    np.testing.assert_allclose(missing, 0, atol=1e-12)


def test_two_inputs_that_work_together_share_what_they_do(rows):
    model = Formula(lambda frame: frame["a"] * frame["b"], ZERO)
    contributions, _, missing = replacement_contributions(model, rows)
    np.testing.assert_allclose(contributions[:, 0], rows["a"] * rows["b"] / 2)
    np.testing.assert_allclose(missing, 0, atol=1e-12)


def test_what_three_do_together_is_measured_as_missing_and_spread(rows):
    model = Formula(lambda frame: frame["a"] * frame["b"] * frame["c"] + frame["a"], ZERO)
    contributions, base, missing = replacement_contributions(model, rows)
    assert np.abs(missing).max() > 0.1
    np.testing.assert_allclose(contributions.sum(axis=1) + base, model.decision_function(rows))


def test_a_group_is_replaced_together_and_shared_by_its_inputs(rows):
    model = Formula(lambda frame: frame["a"] * frame["b"] * frame["c"] + frame["a"], ZERO)
    contributions, _, missing = replacement_contributions(model, rows, [[0, 1], [2]])
    np.testing.assert_allclose(missing, 0, atol=1e-12)
    together = rows["a"] + rows["a"] * rows["b"] * rows["c"] / 2
    np.testing.assert_allclose(contributions[:, :2].sum(axis=1), together)
    np.testing.assert_allclose(contributions[:, 2], rows["a"] * rows["b"] * rows["c"] / 2)


def test_a_score_that_never_moves_has_no_contributions(rows):
    contributions, base, missing = replacement_contributions(Formula(lambda f: f["a"] * 0 + 1, ZERO), rows)
    assert base == 1
    assert not contributions.any()
    assert not missing.any()


def test_the_ordinary_user_is_median_most_common_and_mostly_unknown():
    frame = pd.DataFrame(
        {
            "orders": [1.0, 2.0, 9.0, np.nan],
            "seldom_known": [1.0, np.nan, np.nan, np.nan],
            "country": pd.Categorical(["DE", "FR", "FR", None], categories=["DE", "FR", "(other)"]),
            "region": pd.Categorical([None, None, None, "north"], categories=["north", "(other)"]),
        }
    )
    assert reference_of(frame) == {"orders": 2.0, "seldom_known": None, "country": "FR", "region": None}


def test_categories_are_replaced_as_categories():
    country = pd.Categorical(["DE", "FR", None], categories=["DE", "FR"])
    frame = pd.DataFrame({"country": country, "orders": [1.0, 2.0, 3.0]})
    model = Formula(lambda rows: (rows["country"] == "DE") * 2.0, {"country": "FR", "orders": 2.0})
    contributions, base, _ = replacement_contributions(model, frame)
    assert base == 0
    np.testing.assert_allclose(contributions, [[2, 0], [0, 0], [0, 0]])

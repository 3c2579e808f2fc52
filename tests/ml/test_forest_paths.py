import numpy as np
import pytest
from sklearn.tree import DecisionTreeClassifier

from ml.forest_paths import leaf_moves, path_contributions


@pytest.fixture(scope="module")
def tree():
    """Return the tree: first input up to 2, then second input up to 5."""
    inputs = np.array([[1.0, 1.0], [1.0, 9.0], [3.0, 1.0], [3.0, 9.0]] * 5)
    label = np.array([0, 0, 0, 1] * 5)
    return DecisionTreeClassifier(random_state=0).fit(inputs, label).tree_


def test_each_split_is_credited_to_its_input(tree):
    rows = np.array([[1.0, 9.0], [3.0, 9.0], [3.0, 1.0]], dtype=np.float32)
    contributions, base = path_contributions([tree], [tree.value[:, 0, 1]], rows)
    assert base == 0.25
    first, second = (0, 1) if tree.feature[0] == 0 else (1, 0)
    # from a quarter to a half at the first split, from there to all at the second
    assert contributions[1, first] == pytest.approx(0.25)
    assert contributions[1, second] == pytest.approx(0.5)
    np.testing.assert_allclose(contributions.sum(axis=1) + base, tree.value[tree.apply(rows), 0, 1])


def test_a_tree_without_a_split_moves_nothing():
    stump = DecisionTreeClassifier().fit(np.zeros((4, 2)), np.array([0, 1, 0, 1])).tree_
    table = leaf_moves(stump, stump.value[:, 0, 1])
    assert table.root == 0.5
    assert table.moves.size == 0

"""A batch with one unsound score is not written at all."""

import dataclasses

import duckdb
import numpy as np
import pandas as pd
import pytest

from ml.scoring import check_scores, score
from tests.ml.makers import AS_OF, make_build
from tests.ml.quick import learn_quickly
from warehouse.errors import GateFailure


@pytest.fixture(scope="module")
def model():
    return learn_quickly().model


@pytest.fixture
def build():
    connection = duckdb.connect()
    make_build(connection, [AS_OF], users=100)
    yield connection
    connection.close()


class Broken:
    """A calibrator that spoils one score."""

    def __init__(self, value):
        self.value = value

    def predict(self, log_odds):
        probability = np.full(len(log_odds), 0.5)
        probability[3] = self.value
        return probability


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -0.001, 1.001])
def test_e5_a_score_that_is_no_probability_blocks_the_batch_and_the_old_scores_stay(build, model, value):
    score(build, as_of_date=AS_OF, model=model, run_id="good", themes={})
    with pytest.raises(GateFailure, match="u00003"):
        broken = dataclasses.replace(model, calibrator=Broken(value))
        score(build, as_of_date=AS_OF, model=broken, run_id="bad", themes={})
    assert build.execute("select run_id, count(*) from ml.churn_scores group by all").fetchall() == [
        ("good", 100)
    ]


def scores_of(users):
    return pd.DataFrame({"user_id": users, "churn_probability": 0.5})


@pytest.mark.parametrize(
    ("users", "said"),
    [
        (["a"], "eligible but not scored"),
        (["a", "b", "b"], "scored twice"),
        (["a", "b", "c"], "scored but not eligible"),
    ],
)
def test_e5_users_missing_twice_or_foreign_block_the_batch(users, said):
    check_scores(scores_of(["b", "a"]), pd.Series(["a", "b"]))
    with pytest.raises(GateFailure, match=said):
        check_scores(scores_of(users), pd.Series(["a", "b"]))


def test_e5_a_day_without_users_is_not_a_scored_day():
    with pytest.raises(GateFailure, match="no score"):
        check_scores(scores_of([]), pd.Series([], dtype=object))

"""What differs between training and scoring is noticed before a score is written."""

import duckdb
import numpy as np
import pytest

from ml.registry import load_golden_rows, load_model, replay_golden_rows, save_model
from ml.scoring import score
from tests.ml.makers import AS_OF, make_build, make_rows
from tests.ml.quick import learn_quickly
from warehouse.errors import ContractBreach, DamagedFile


@pytest.fixture(scope="module")
def outcome():
    return learn_quickly()


def test_e6_permuted_columns_give_the_same_scores(outcome):
    rows = make_rows(AS_OF, 200)
    np.testing.assert_array_equal(
        outcome.model.predict(rows[rows.columns[::-1]]), outcome.model.predict(rows)
    )


def test_e6_stored_training_rows_replay_to_the_stored_scores(tmp_path, outcome):
    model_version = save_model(outcome, tmp_path)
    golden = load_golden_rows(model_version, tmp_path)
    model = load_model(model_version, tmp_path)
    assert np.abs(model.predict(golden) - golden["expected"]).max() < 1e-9


def test_e6_an_input_in_other_units_does_not_replay(outcome):
    golden = outcome.golden_rows.assign(paid_orders_90d=outcome.golden_rows["paid_orders_90d"] * 100)
    with pytest.raises(DamagedFile, match="golden rows"):
        replay_golden_rows(outcome.model, golden)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("alter table features.user_features drop column paid_orders_90d", "paid_orders_90d is missing"),
        ("alter table features.user_features alter paid_orders_90d type varchar", "is VARCHAR, not numeric"),
        ("update features.user_features set paid_orders_90d = null", "NULL for every user"),
        ("update features.user_features set gap_mean_days = 'infinity'::double", "infinite"),
    ],
)
def test_e6_a_feature_table_that_does_not_fit_is_not_scored(outcome, change, said):
    connection = duckdb.connect()
    make_build(connection, [AS_OF], users=150)
    connection.execute(change)
    with pytest.raises(ContractBreach, match=said):
        score(connection, as_of_date=AS_OF, model=outcome.model, run_id="run-1", themes={})
    connection.close()

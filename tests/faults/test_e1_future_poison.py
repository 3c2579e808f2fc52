"""Rows after the cut change nothing that a model reads."""

from datetime import timedelta

import duckdb
import pandas as pd
import pytest

from ml.dataset import load_snapshots
from tests.ml.makers import HORIZON, PLAN, TRAINED_AS_OF, make_build


@pytest.fixture
def build():
    connection = duckdb.connect()
    make_build(connection, PLAN.snapshots, users=100)
    yield connection
    connection.close()


def training_matrix(connection):
    return load_snapshots(
        connection, PLAN.snapshots, horizon_days=HORIZON, label_known_on=TRAINED_AS_OF
    ).frame


def test_e1_features_of_later_days_do_not_reach_the_training_matrix(build):
    before = training_matrix(build)
    build.execute(
        "insert into features.user_features by name "
        "select * replace (as_of_date + 200 as as_of_date, 999 as paid_orders_30d) "
        "from features.user_features"
    )
    pd.testing.assert_frame_equal(training_matrix(build), before, check_exact=True)


def test_e1_labels_that_became_known_later_do_not_reach_the_training_matrix(build):
    before = training_matrix(build)
    build.execute(
        "insert into features.training_labels "
        "select * replace (not churned as churned, cast(? as date) as label_known_on) "
        "from features.training_labels",
        [TRAINED_AS_OF + timedelta(days=7)],
    )
    pd.testing.assert_frame_equal(training_matrix(build), before, check_exact=True)


def test_e1_labels_of_other_horizons_and_kinds_do_not_reach_the_training_matrix(build):
    before = training_matrix(build)
    build.execute(
        "insert into features.training_labels "
        "select * replace (not churned as churned, 'any_activity' as label_kind) "
        "from features.training_labels "
        "union all "
        "select * replace (not churned as churned, 14 as horizon_days) from features.training_labels"
    )
    pd.testing.assert_frame_equal(training_matrix(build), before, check_exact=True)

"""No label is read before its window has passed, and nobody stands on both sides of a split."""

from datetime import date, timedelta

import duckdb
import numpy as np
import pytest

from ml.calendar import plan_snapshots
from ml.calibration import FOLDS, user_folds
from ml.dataset import load_snapshots
from tests.ml.makers import HORIZON, PLAN, TRAINED_AS_OF, make_build, make_snapshots
from warehouse.errors import ContractBreach


@pytest.mark.parametrize("days_short", [1, HORIZON])
def test_e2_a_label_whose_window_is_open_is_refused(days_short):
    connection = duckdb.connect()
    late = TRAINED_AS_OF - timedelta(days=HORIZON - days_short)
    make_build(connection, [*PLAN.snapshots, late], users=20)
    with pytest.raises(ContractBreach, match=f"labels of {late} are not complete on {TRAINED_AS_OF}"):
        load_snapshots(
            connection, [*PLAN.snapshots, late], horizon_days=HORIZON, label_known_on=TRAINED_AS_OF
        )


@pytest.mark.parametrize("horizon", [7, 30, 60, 90, 180])
def test_e2_no_label_window_of_the_training_side_reaches_past_the_test_snapshot(horizon):
    plan = plan_snapshots(date(2025, 6, 1), horizon, date(2022, 1, 1))
    assert plan.training
    for snapshot in plan.training:
        window = {snapshot + timedelta(days=day) for day in range(1, horizon + 1)}
        assert max(window) <= plan.test
    assert plan.test + timedelta(days=horizon) <= plan.trained_as_of


def test_e2_a_user_of_several_snapshots_is_on_one_side_of_every_split():
    frame = make_snapshots().frame
    folds = frame.assign(fold=user_folds(frame["user_id"])).groupby("user_id")["fold"].nunique()
    assert len(folds) == 800
    assert (folds == 1).all()
    assert len(np.unique(user_folds(frame["user_id"]))) == FOLDS

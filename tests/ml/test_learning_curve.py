import pytest

from ml.backtest import Entrant
from ml.candidates import candidate_named
from ml.learning_curve import learning_curve
from tests.ml.makers import HORIZON, PLAN, make_snapshots

RECIPE = Entrant(candidate_named("logistic_regression"))
OPTIONS = {"test": PLAN.test, "training": PLAN.training, "horizon_days": HORIZON, "resamples": 60}


@pytest.fixture(scope="module")
def found():
    return learning_curve(make_snapshots(800), RECIPE, **OPTIONS)


def test_snapshots_are_added_from_the_newest_back(found):
    by_snapshots = found[found["metric"] == "roc_auc"].tail(len(PLAN.training))
    assert list(by_snapshots["snapshots"]) == [1, 2, 3]
    assert list(by_snapshots["training_rows"]) == [800, 1600, 2400]
    newest = sorted(PLAN.training, reverse=True)
    assert list(by_snapshots["history_days"]) == [(PLAN.test - day).days for day in newest]


def test_shares_of_the_users_of_all_snapshots_come_first(found):
    by_rows = found[found["metric"] == "roc_auc"].head(2)
    assert (by_rows["snapshots"] == 3).all()
    assert by_rows["training_rows"].to_list() == pytest.approx([600, 1200], rel=0.2)


def test_every_figure_has_an_interval_and_none_is_a_difference(found):
    assert set(found["metric"]) == {"roc_auc", "pr_auc", "brier_skill", "log_loss", "ece"}
    assert (found["lower"] <= found["value"]).all()
    assert (found["value"] <= found["upper"]).all()


def test_the_whole_of_the_data_is_not_worse_than_a_quarter(found):
    loss = found[found["metric"] == "log_loss"].set_index("training_rows")["value"]
    assert loss[2400] < loss[loss.index.min()] + 0.01


def test_rows_are_bounded():
    bounded = learning_curve(make_snapshots(800), RECIPE, rows_at_most=1000, shares=(), **OPTIONS)
    rows = bounded[bounded["metric"] == "roc_auc"].set_index("snapshots")["training_rows"]
    assert rows[1] == 800
    assert rows[[2, 3]].to_list() == pytest.approx([1000, 1000], rel=0.2)


def test_a_fit_on_hardly_anybody_is_left_out():
    lines = []
    small = learning_curve(make_snapshots(120), RECIPE, shares=(0.05, 0.9), progress=lines.append, **OPTIONS)
    assert small["training_rows"].min() > 100
    assert len(lines) == 4


def test_shares_that_take_the_same_users_are_told_once():
    twice = learning_curve(make_snapshots(400), RECIPE, shares=(0.5, 0.50001, 1.0), **OPTIONS)
    assert not twice.duplicated(["snapshots", "training_rows", "metric"]).any()
    assert len(twice[twice["metric"] == "roc_auc"]) == 4

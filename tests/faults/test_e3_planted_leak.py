"""An input that knows the outcome stops training, and is named."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from ml.calibration import user_folds
from ml.features import Feature
from ml.leakage import SuspectedLeak, refuse_leaking_model, single_feature_auc
from tests.ml.makers import FEATURES, make_snapshots
from tests.ml.quick import learn_quickly


def planted(values, kind):
    snapshots = make_snapshots()
    frame = snapshots.frame.assign(orders_so_far=values(snapshots.frame["churned"]))
    return dataclasses.replace(snapshots, frame=frame, features=(*FEATURES, Feature("orders_so_far", kind)))


LEAKS = {
    "noisy copy of the label": (
        lambda churned: churned + np.random.default_rng(0).normal(0, 0.2, len(churned)),
        "numeric",
    ),
    "falling with the label": (lambda churned: 1.0 - churned, "boolean"),
    "known only for those who stay": (lambda churned: np.where(churned == 1, np.nan, 5.0), "numeric"),
    "in words": (lambda churned: np.where(churned == 1, "inactive", "active"), "categorical"),
}


@pytest.mark.parametrize(("values", "kind"), LEAKS.values(), ids=LEAKS)
def test_e3_a_planted_leak_stops_training_and_is_named(values, kind):
    with pytest.raises(SuspectedLeak, match="orders_so_far"):
        learn_quickly(planted(values, kind))


def test_e3_honest_inputs_pass():
    rows = make_snapshots().frame
    alone = {
        "paid_orders_90d": rows["paid_orders_90d"],
        "a word of their own": rows["user_id"] + rows["as_of_date"].astype(str),
        "nothing": pd.Series([None] * len(rows), dtype=object),
    }
    kinds = {"paid_orders_90d": "numeric"}
    halves = user_folds(rows["user_id"], 2)
    for name, values in alone.items():
        auc = single_feature_auc(values, rows["churned"].to_numpy(), kinds.get(name, "categorical"), halves)
        assert 0.5 <= auc < (0.9 if name in kinds else 0.6), name


def test_e3_a_model_too_good_to_be_true_stops_training():
    refuse_leaking_model("boosted_trees", 0.90, "paid_orders_90d", 0.7)
    with pytest.raises(SuspectedLeak, match=r"boosted_trees.*0\.981"):
        refuse_leaking_model("boosted_trees", 0.981, "paid_orders_90d", 0.7)

"""Segments are found where groups differ beyond chance, shrunk, and idle inputs are left out."""

import numpy as np
import pandas as pd
import pytest

from ml.uplift.segments import SegmentEffects, group_of

ROWS = 4_000


def make_rows(noise=1.0, seed=0):
    """Return inputs of which two move the target: a category by ±.5, a number by .4 in its lowest fifth."""
    random = np.random.default_rng(seed)
    inputs = pd.DataFrame({f"idle_{number}": random.normal(size=ROWS) for number in range(40)})
    inputs["channel"] = pd.Categorical(random.choice(["app", "mail", "search"], ROWS))
    inputs["recency"] = np.where(random.random(ROWS) < 0.1, np.nan, random.random(ROWS))
    truth = np.select([inputs["channel"] == "app", inputs["channel"] == "mail"], [0.5, -0.5], 0.0)
    truth = truth + 0.4 * (inputs["recency"] < 0.2)
    return inputs, truth, truth + noise * random.normal(size=ROWS)


def test_the_inputs_that_matter_are_found_the_strongest_first():
    inputs, truth, target = make_rows()
    found = SegmentEffects().fit(inputs, target)
    assert list(found.deviations_)[:2] == ["channel", "recency"]
    assert len(found.deviations_) <= 4
    assert np.corrcoef(found.predict(inputs), truth)[0, 1] > 0.95


def test_without_differences_everybody_gets_the_average():
    inputs, _, _ = make_rows()
    found = SegmentEffects(largest_p=0.05).fit(inputs, np.random.default_rng(1).normal(2.0, 1.0, ROWS))
    assert found.predict(inputs) == pytest.approx([found.average_] * ROWS)
    assert found.average_ == pytest.approx(2.0, abs=0.1)


def test_deviations_are_drawn_towards_the_average_the_more_the_noisier_they_are():
    inputs, _, clear = make_rows(noise=0.2)
    _, _, noisy = make_rows(noise=8.0)
    spread = [np.ptp(SegmentEffects().fit(inputs, target).predict(inputs)) for target in (clear, noisy)]
    assert spread[0] == pytest.approx(1.4, abs=0.1)
    raw = pd.Series(noisy).groupby(inputs["channel"], observed=True).mean()
    shrunk = SegmentEffects(largest_p=1e9).fit(inputs[["channel"]], noisy).predict(inputs[["channel"]])
    assert np.ptp(shrunk) < np.ptp(raw)


def test_null_is_a_group_and_new_categories_and_values_are_average():
    inputs = pd.DataFrame({"x": [np.nan] * 50 + [1.0] * 50, "c": pd.Categorical(["a"] * 60 + ["b"] * 40)})
    found = SegmentEffects().fit(inputs, np.repeat([3.0, 1.0], 50) + np.tile([0.1, -0.1], 50))
    assert list(found.deviations_) == ["x"]
    new = pd.DataFrame({"x": [np.nan, 5.0], "c": pd.Categorical.from_codes([2, -1], categories=list("abz"))})
    assert found.predict(new) == pytest.approx([3.0, 1.0], abs=0.05)


def test_groups_hold_equally_many_and_a_shared_value_is_not_torn():
    values = pd.Series([0.0] * 60 + list(range(1, 41)), dtype=float)
    cuts = SegmentEffects()._cuts(values)
    groups = group_of(values, cuts)
    assert set(groups[:60]) == {groups[0]}
    assert groups.max() > groups[0]
    assert group_of(pd.Series([np.nan]), cuts).tolist() == [0]


def test_weights_count():
    inputs = pd.DataFrame({"x": [0.0, 1.0] * 200})
    target = np.tile([0.0, 10.0], 200)
    found = SegmentEffects().fit(inputs, target, np.tile([3.0, 1.0], 200))
    assert found.average_ == 2.5

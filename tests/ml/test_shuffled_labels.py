from dataclasses import replace
from datetime import date
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from ml.candidates import candidate_named
from ml.shuffled_labels import honest_range, shuffle_labels, shuffled_label_alarm
from tests.ml.makers import FEATURES, make_snapshots

ROWS = make_snapshots(users=500).frame


def test_every_snapshot_keeps_its_churners_and_stayers():
    shuffled = ROWS.assign(churned=shuffle_labels(ROWS, seed=3))
    before = ROWS.groupby("as_of_date")["churned"].agg(["sum", "size"])
    pd.testing.assert_frame_equal(shuffled.groupby("as_of_date")["churned"].agg(["sum", "size"]), before)
    assert (shuffled["churned"] != ROWS["churned"]).mean() > 0.2


def test_a_user_gets_the_labels_of_one_other_user_in_all_snapshots():
    days = [date(2024, 1, 1), date(2024, 2, 1)]
    users = [f"u{number:02d}" for number in range(40)]
    labels = np.random.default_rng(0).integers(0, 2, 40)
    frame = pd.DataFrame(
        {"as_of_date": np.repeat(days, 40), "user_id": users * 2, "churned": np.tile(labels, 2)}
    )
    dealt = shuffle_labels(frame, seed=1)
    np.testing.assert_array_equal(dealt[:40], dealt[40:])
    assert (dealt[:40] != labels).any()


def test_a_snapshot_that_lacks_some_users_is_dealt_out_completely():
    frame = ROWS[~((ROWS["as_of_date"] == ROWS["as_of_date"].max()) & (ROWS["user_id"] < "u00200"))]
    frame = frame.reset_index(drop=True)
    dealt = shuffle_labels(frame, seed=1)
    newest = (frame["as_of_date"] == frame["as_of_date"].max()).to_numpy()
    assert dealt[newest].sum() == frame.loc[newest, "churned"].sum()


def test_the_same_seed_deals_the_same_labels():
    np.testing.assert_array_equal(shuffle_labels(ROWS, seed=5), shuffle_labels(ROWS, seed=5))
    assert (shuffle_labels(ROWS, seed=5) != shuffle_labels(ROWS, seed=6)).any()


@pytest.mark.parametrize("seed", range(6))
def test_a_model_that_learns_from_its_own_rows_alone_ranks_shuffled_labels_by_chance(seed):
    candidate = candidate_named("logistic_regression")
    alarm = shuffled_label_alarm(candidate, ROWS, FEATURES, horizon_days=30, seed=seed)
    assert alarm == ""


class Remembers(LogisticRegression):
    """Keeps every label it was ever shown, also those of the rows that are held out next time."""

    shown: ClassVar[dict[tuple[float, ...], int]] = {}

    def fit(self, inputs, churned):
        self.shown.update(zip(map(tuple, inputs[["gap_mean_days"]].to_numpy()), churned, strict=True))
        return self

    def decision_function(self, inputs):
        return np.array(
            [self.shown.get(key, 0.5) for key in map(tuple, inputs[["gap_mean_days"]].to_numpy())]
        )


def test_a_model_that_has_seen_the_rows_it_is_judged_on_is_told():
    candidate = replace(
        candidate_named("logistic_regression"), name="remembers", build=lambda *_others: Remembers()
    )
    alarm = shuffled_label_alarm(candidate, ROWS, FEATURES, horizon_days=30, seed=0)
    assert "remembers ranks labels that were dealt to other users with a ROC-AUC of 0." in alarm
    assert "for 500 users" in alarm


def test_too_few_users_raise_no_alarm():
    rows = make_snapshots(users=20).frame
    candidate = candidate_named("logistic_regression")
    assert shuffled_label_alarm(candidate, rows, FEATURES, horizon_days=30, seed=0) == ""


def test_many_rows_are_judged_by_some_of_the_users(monkeypatch):
    seen = []
    known = candidate_named("logistic_regression")

    def build(contract, rows, *others):
        seen.append(rows)
        return known.build(contract, rows, *others)

    shuffled_label_alarm(
        replace(known, build=build), ROWS, FEATURES, horizon_days=30, seed=0, rows_at_most=600
    )
    assert seen
    assert 300 <= seen[0] <= 600


def test_the_range_of_chance_narrows_with_users_and_holds_for_a_score_that_knows_nothing():
    assert honest_range(400, 0.5) > honest_range(4_000, 0.5)
    assert honest_range(1_000, 0.5) == pytest.approx(3.29 * np.sqrt(2 / (12 * 500 * 500 / 1_001)), rel=0.01)

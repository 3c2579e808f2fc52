"""Who wins and why: held-out users choose, the test snapshot only says how good they are."""

import dataclasses
import time

import numpy as np
import pytest

from ml.backtest import Entrant, judge_snapshot
from ml.calibration import user_folds
from ml.candidates import candidate_named
from ml.contest import hold_contest
from ml.search import SearchRules
from tests.ml.makers import HORIZON, PLAN, make_snapshots
from tests.ml.planted import failing, make_shop, sleeping, weighing, weighing_left
from warehouse.errors import ContractBreach

RULE = candidate_named("recency_rule")
ON_LEFT, ON_RIGHT = weighing("on_left", {"left": 1.0}), weighing("on_right", {"right": 1.0})


def like_left_then_right(day):
    """Return weights of a shop in which `left` tells more, but on the test snapshot `right` does."""
    return {"left": 0.8, "right": 1.2} if day == PLAN.test else {"left": 1.2, "right": 0.8}


@pytest.fixture(scope="module")
def turning():
    return make_shop(like_left_then_right)


def contest(snapshots, *candidates, plan=PLAN, **others):
    options = {"rules": SearchRules(trials=0), "shuffles_labels": False, **others}
    return hold_contest(snapshots, plan, (RULE, *candidates), **options)


def auc(found, name):
    return next(one.value for one in found.metrics if (one.candidate, one.metric) == (name, "roc_auc"))


def test_held_out_users_choose_the_winner_and_not_the_test(turning):
    found = contest(turning, ON_LEFT, ON_RIGHT)
    assert auc(found, "on_right") > auc(found, "on_left") + 0.02
    assert found.winner.candidate.name == "on_left"
    assert (found.compared_on, found.test, found.note) == ("out_of_time", PLAN.test, "")


def test_labels_of_the_test_snapshot_do_not_reach_the_choice(turning):
    frame = turning.frame
    of_test = frame["as_of_date"] == PLAN.test
    turned = frame.assign(churned=frame["churned"].where(~of_test, 1 - frame["churned"]))
    before = contest(turning, ON_LEFT, ON_RIGHT).judged
    after = contest(dataclasses.replace(turning, frame=turned), ON_LEFT, ON_RIGHT).judged
    for name in ("recency_rule", "on_left", "on_right"):
        np.testing.assert_array_equal(before.learnt_losses[name], after.learnt_losses[name])
        np.testing.assert_array_equal(before.probability[name], after.probability[name])


def test_settings_that_the_search_found_are_competed_with():
    snapshots = make_shop({"left": 1.5}, days=PLAN.snapshots)
    found = contest(snapshots, weighing_left(), ON_RIGHT, rules=SearchRules(trials=8))
    assert found.winner.candidate.name == "tuned"
    assert found.winner.parameters == found.search.parameters["tuned"]
    assert found.winner.parameters["left_share"] > 0.7
    assert auc(found, "tuned") > 0.7


def test_a_tie_goes_to_the_simpler_candidate(turning):
    twin = weighing("twin", {"left": 1.0})
    assert contest(turning, ON_LEFT, twin).winner.candidate.name == "on_left"
    assert contest(turning, twin, ON_LEFT).winner.candidate.name == "twin"


def test_a_winner_that_does_not_beat_the_recency_rule_by_more_than_noise_does_not_score():
    def fades(day):
        return {"days_since_last_paid_order": 0.8} | ({} if day == PLAN.test else {"left": 1.0})

    both = weighing("both", {"days_since_last_paid_order": 0.016, "left": 0.1})
    left = weighing("mostly_left", {"days_since_last_paid_order": 0.016, "left": 1.0})
    found = contest(make_shop(fades), both, left)
    assert found.winner.candidate.name == "recency_rule"
    assert found.note.startswith("mostly_left was the best of the candidates, but on 2024-12-06 it does not")
    assert found.note.endswith("The recency rule scores.")


def test_a_candidate_that_fails_is_out_and_told(turning):
    lines = []
    found = contest(turning, failing(), ON_LEFT, progress=lines.append)
    assert found.out == {"broken": "ValueError: this shop is not to my taste"}
    assert found.winner.candidate.name == "on_left"
    assert "broken" not in found.judged.probability
    assert "contest 2/3 broken: out, ValueError: this shop is not to my taste (0.0 s)" in lines


def test_a_candidate_that_takes_too_long_is_stopped_and_told_not_waited_for(turning):
    began = time.monotonic()
    found = contest(turning, sleeping(), ON_LEFT, rules=SearchRules(trials=0, fit_seconds=0.5))
    assert time.monotonic() - began < 20
    assert found.out == {"slow": "stopped after 2 s"}
    assert found.winner.candidate.name == "on_left"


def test_without_the_recency_column_nobody_can_be_judged(turning):
    frame = turning.frame.drop(columns="days_since_last_paid_order")
    snapshots = dataclasses.replace(turning, frame=frame, features=turning.features[1:])
    with pytest.raises(ContractBreach, match="days_since_last_paid_order"):
        contest(snapshots, ON_LEFT)


def test_the_champions_recipe_is_judged_on_the_same_users_by_the_same_evening(turning):
    old = Entrant(weighing_left("champion"), {"left_share": 0.3})
    found = contest(turning, ON_LEFT, incumbent=old)
    alone = judge_snapshot(
        turning, [old], test=PLAN.test, training=PLAN.training, horizon_days=HORIZON, seed=0
    )
    np.testing.assert_array_equal(found.incumbent_scores, alone.probability["champion"])
    assert len(found.incumbent_scores) == len(found.judged.churned)


def test_the_champions_recipe_cannot_win_by_itself(turning):
    better = Entrant(weighing("champion", {"left": 1.2, "right": 0.8}))
    found = contest(turning, ON_LEFT, incumbent=better)
    assert found.winner.candidate.name == "on_left"
    assert {row.candidate for row in found.metrics} == {"recency_rule", "on_left"}


def test_a_champion_with_the_same_recipe_is_not_fitted_twice(turning):
    fits = []
    counted = weighing("counted", {"left": 1.0}, when_fitted=lambda: fits.append(1))
    found = contest(turning, counted, incumbent=Entrant(counted))
    np.testing.assert_array_equal(found.incumbent_scores, found.judged.probability["counted"])
    assert len(fits) == 4  # three folds and the whole


@pytest.mark.parametrize(
    "spoilt", [failing("champion"), sleeping("champion")], ids=["fails", "takes too long"]
)
def test_a_champion_whose_recipe_can_no_longer_be_fitted_gives_no_scores_and_that_is_told(turning, spoilt):
    lines = []
    found = contest(
        turning,
        ON_LEFT,
        incumbent=Entrant(spoilt),
        rules=SearchRules(trials=0, fit_seconds=0.3),
        progress=lines.append,
    )
    assert found.incumbent_scores is None
    assert found.winner.candidate.name == "on_left"
    assert any(line.startswith("the champion's recipe, champion, gives no scores: ") for line in lines)


def test_a_history_too_short_for_a_test_in_time_is_judged_on_other_users(turning):
    plan = dataclasses.replace(PLAN, test=None, training=(), reason="Too short.")
    found = contest(turning, ON_LEFT, plan=plan)
    assert (found.compared_on, found.note) == ("other_users", "Too short.")
    assert found.test == PLAN.production[0]
    assert found.search.note == "No settings were searched."


def test_training_snapshots_that_are_too_small_for_a_test_in_time_are_told(turning):
    frame = turning.frame
    few = frame[(frame["as_of_date"] == PLAN.test) | (frame["user_id"] < "u00200")].reset_index(drop=True)
    found = contest(dataclasses.replace(turning, frame=few), ON_LEFT)
    assert found.compared_on == "other_users"
    assert found.note.startswith("The snapshots before the test are too small")


def test_boosted_trees_compete_where_an_input_is_known_since_the_newest_snapshot_only():
    snapshots = make_snapshots(users=300)
    frame = snapshots.frame
    newest = frame["as_of_date"] == PLAN.production[0]
    # users of one fold: whoever learns from the others never sees the input
    few = (user_folds(frame["user_id"]) == 0) & (frame["user_id"] < "u00040").to_numpy()
    sparse = frame.assign(gap_mean_days=frame["paid_orders_90d"].where(newest & few))
    assert sparse["gap_mean_days"].notna().any()
    found = contest(
        dataclasses.replace(snapshots, frame=sparse),
        candidate_named("boosted_trees"),
        candidate_named("blend"),
        plan=dataclasses.replace(PLAN, test=None, training=()),
    )
    assert set(found.judged.models) == {"recency_rule", "boosted_trees", "blend"}
    left_out = found.judged.models["boosted_trees"].contract.left_out
    assert left_out["gap_mean_days"].startswith("known of fewer than 20 users")


def test_the_winner_is_also_tried_on_shuffled_labels(turning, monkeypatch):
    seen = []

    def alarm(candidate, *_rows, parameters, **_others):
        seen.append((candidate.name, dict(parameters)))
        return "it ranks shuffled labels"

    monkeypatch.setattr("ml.contest.shuffled_label_alarm", alarm)
    assert "it ranks shuffled labels" in contest(turning, ON_LEFT, shuffles_labels=True).leak_alarms
    assert seen == [("on_left", {})]
    assert "it ranks shuffled labels" not in contest(turning, ON_LEFT).leak_alarms

"""Settings are searched on later snapshots, within bounds, and go on where they were cut off."""

import time
from datetime import timedelta

import pytest

from ml.calendar import plan_snapshots
from ml.candidates import Parameter
from ml.search import SearchRules, search
from ml.validation import sample_users, validation_folds
from tests.ml.makers import FIRST_DAY, HORIZON, TRAINED_AS_OF
from tests.ml.planted import FEATURES, failing, make_shop, sleeping, weighing, weighing_left

TRAINING = plan_snapshots(TRAINED_AS_OF, HORIZON, FIRST_DAY).training
ON_LEFT = {"left": 1.5}


@pytest.fixture(scope="module")
def shop():
    return make_shop(ON_LEFT, days=TRAINING).frame


def searched(frame, candidates, *, trials=8, seed=0, journal=None, progress=lambda _line: None, **rules):
    return search(
        frame,
        FEATURES,
        candidates,
        horizon_days=HORIZON,
        rules=SearchRules(trials=trials, **rules),
        seed=seed,
        journal=journal,
        progress=progress,
    )


def told(outcome):
    """Return trials without the time they took."""
    return [(one.candidate, dict(one.parameters), one.state, one.loss, one.reason) for one in outcome.trials]


def test_a_planted_better_setting_is_found(shop):
    found = searched(shop, [weighing_left()])
    assert found.parameters["tuned"]["left_share"] > 0.7
    assert len(found.trials) == 8
    first, *others = found.trials
    assert first.parameters == {}
    assert min(trial.loss for trial in others) < first.loss - 0.1
    assert found.validated_on == f"later snapshots: {TRAINING[0]}, {TRAINING[1]}"


def test_defaults_stay_when_nothing_is_better_by_more_than_noise(shop):
    def hardly_matters(parameters):
        return {"left": 1.0, "right": parameters.get("on_right", 0.05)}

    hardly = weighing("hardly", hardly_matters, [Parameter("on_right", -0.05, 0.05)])
    found = searched(shop, [hardly])
    assert min(trial.loss for trial in found.trials) < found.trials[0].loss
    assert found.parameters == {}


def test_the_best_after_the_first_round_share_the_trials_that_are_left(shop):
    shares = (0.0, 0.2, 0.4, 0.6)
    tuned = [
        weighing(
            f"from_{share}",
            lambda settings, share=share: {"left": settings.get("left", share), "right": 0.5},
            [Parameter("left", 0.0, 1.0)],
        )
        for share in shares
    ]
    plain = weighing("no_settings", {"left": 1.0})
    names = [trial.candidate for trial in searched(shop, [plain, *tuned], trials=10).trials]
    assert names[:4] == [f"from_{share}" for share in shares]
    assert sorted(names[4:]) == sorted(2 * [f"from_{share}" for share in shares[1:]])


def test_the_same_seed_tries_the_same_and_another_seed_does_not(shop):
    first, again = (searched(shop, [weighing_left()]) for _ in range(2))
    assert told(first) == told(again)
    assert told(searched(shop, [weighing_left()], seed=1)) != told(first)


class CutOff(Exception):
    """Stands for a killed process."""


def test_a_search_that_was_cut_off_goes_on_from_its_journal_with_the_same_result(shop, tmp_path):
    fits = []
    undisturbed = searched(shop, [weighing_left(when_fitted=lambda: fits.append(1))])
    fits_of_all = len(fits)
    fits.clear()

    def killed_in_the_sixth_trial():
        fits.append(1)
        if len(fits) == 11:  # two folds per trial: the first fit of the sixth
            raise CutOff

    journal = tmp_path / "models" / "search.journal"
    with pytest.raises(CutOff):
        searched(shop, [weighing_left(when_fitted=killed_in_the_sixth_trial)], journal=journal)
    fits.clear()
    resumed = searched(shop, [weighing_left(when_fitted=lambda: fits.append(1))], journal=journal)
    assert told(resumed) == told(undisturbed)
    assert resumed.parameters == undisturbed.parameters
    assert len(fits) == fits_of_all - 2 * 4  # the four tuned trials that were done


def test_a_journal_of_other_rows_is_not_believed(shop, tmp_path):
    journal = tmp_path / "search.journal"
    first = searched(shop, [weighing_left()], trials=4, journal=journal)
    other = make_shop({"right": 1.5}, days=TRAINING).frame
    found = searched(other, [weighing_left()], trials=4, journal=journal)
    assert told(found) != told(first)
    assert told(found) == told(searched(other, [weighing_left()], trials=4))


@pytest.mark.parametrize(
    ("damage", "is_put_aside"),
    [
        (lambda content: content[:-20], False),
        (lambda content: content[:-1], False),
        (lambda _content: b"", False),
        (lambda content: content[:-40] + b"\n" + content[-40:], True),
        (lambda _content: b"\x00\xff\n\n", True),
        (lambda _content: b'{"op_code": 99}\n{"op_code": 4}\n', True),
    ],
    ids=["half a line", "no line end", "empty", "torn", "binary", "another program's"],
)
def test_a_damaged_journal_costs_time_and_nothing_else(shop, tmp_path, damage, is_put_aside):
    journal = tmp_path / "search.journal"
    first = searched(shop, [weighing_left()], trials=4, journal=journal)
    journal.write_bytes(damage(journal.read_bytes()))
    for _ in range(2):
        assert told(searched(shop, [weighing_left()], trials=4, journal=journal)) == told(first)
    assert (tmp_path / "search.journal.damaged").exists() == is_put_aside


def test_without_trials_everybody_keeps_the_defaults(shop):
    found = searched(shop, [weighing_left()], trials=0)
    assert (found.trials, found.parameters) == ((), {})
    assert found.note == "No settings were searched."


def test_a_fit_that_takes_too_long_is_stopped_and_told_not_waited_for(shop):
    lines = []
    began = time.monotonic()
    slow = sleeping(space=[Parameter("anything", 0.0, 1.0)])
    found = searched(shop, [slow, weighing_left()], trials=4, fit_seconds=0.1, progress=lines.append)
    assert time.monotonic() - began < 10
    stopped = found.trials[0]
    assert (stopped.candidate, stopped.state, stopped.reason) == (
        "slow",
        "over budget",
        "stopped after 0.2 s",
    )
    assert [trial.candidate for trial in found.trials[1:]] == ["tuned"] * 3
    assert "stopped after 0.2 s" in lines[0]


def test_a_trial_that_fails_is_told_and_the_others_go_on(shop):
    found = searched(shop, [failing(space=[Parameter("anything", 0.0, 1.0)]), weighing_left()], trials=4)
    failed = found.trials[0]
    assert (failed.state, failed.reason) == ("failed", "ValueError: this shop is not to my taste")
    assert {trial.state for trial in found.trials[1:]} == {"complete"}


def test_settings_that_fail_are_never_chosen(shop):
    def weights(parameters):
        if parameters.get("left_share", 0.0) > 0.5:
            raise ValueError("too far left")
        return {"left": parameters.get("left_share", 0.0), "right": 0.3}

    found = searched(shop, [weighing("picky", weights, [Parameter("left_share", 0.0, 1.0)])])
    assert {trial.state for trial in found.trials} == {"complete", "failed"}
    assert found.parameters["picky"]["left_share"] <= 0.5


def test_no_trial_begins_when_time_is_up_and_that_is_told(shop):
    found = searched(shop, [weighing_left()], seconds=0)
    assert len(found.trials) == 1
    assert found.note == "7 trials were not done: the search may take 0 s."


def test_progress_is_a_bar_with_a_line_per_trial(shop):
    lines = []
    found = searched(shop, [weighing_left()], trials=4, progress=lines.append)
    assert lines[0].startswith("search [#####...............] 1/4 tuned (defaults): log loss 0.")
    assert lines[3].startswith("search [####################] 4/4 tuned (tuned): log loss 0.")
    assert f"{found.trials[3].loss:.4f}" in lines[3]


@pytest.mark.parametrize("horizon", [7, 30, 60, 90])
def test_no_fold_learns_from_labels_that_were_not_complete_on_the_evening_it_is_judged(horizon):
    training = plan_snapshots(TRAINED_AS_OF, horizon, FIRST_DAY.replace(year=2022)).training
    frame = make_shop(ON_LEFT, users=50, days=training).frame
    folds, how = validation_folds(frame, FEATURES, horizon)
    assert how.startswith("later snapshots")
    assert len(folds) == 2
    for fold in folds:
        (judged,) = fold.judge["as_of_date"].unique()
        learnt = set(fold.learn["as_of_date"])
        window = timedelta(days=horizon)
        assert max(learnt) + window <= judged
        assert learnt == {day for day in training if day + window <= judged}


def test_labels_that_became_complete_too_late_do_not_move_a_trial(shop):
    day = TRAINING[0]
    too_late = (shop["as_of_date"] > day - timedelta(days=HORIZON)) & (shop["as_of_date"] < day)
    assert too_late.any()
    frame = shop[shop["as_of_date"] <= day]
    poisoned = frame.assign(churned=frame["churned"].where(~too_late, 1 - frame["churned"]))
    before, after = (validation_folds(one, FEATURES, HORIZON)[0][0] for one in (frame, poisoned))
    assert before.learn.equals(after.learn)
    assert before.judge.equals(after.judge)


def test_a_history_too_short_for_later_snapshots_is_cut_by_user():
    frame = make_shop(ON_LEFT, users=300, days=TRAINING[:1]).frame
    folds, how = validation_folds(frame, FEATURES, HORIZON)
    assert how == "other users: history is too short for later snapshots"
    judged = [set(fold.judge["user_id"]) for fold in folds]
    assert sum(map(len, judged)) == len(set.union(*judged)) == 300
    for fold, users in zip(folds, judged, strict=True):
        assert not users & set(fold.learn["user_id"])


def test_trials_learn_from_a_sample_of_users_where_there_are_many(shop):
    sample = sample_users(shop, 1_000)
    assert 700 < len(sample) < 1_300
    assert sample.groupby("as_of_date")["user_id"].agg(frozenset).nunique() == 1
    assert set(sample_users(shop, 500)["user_id"]) < set(sample["user_id"])
    few = searched(shop, [weighing_left()], trials=3, rows_at_most=1_000)
    assert told(few) == told(searched(sample, [weighing_left()], trials=3))
    assert told(few) != told(searched(shop, [weighing_left()], trials=3))

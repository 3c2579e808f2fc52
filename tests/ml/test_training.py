"""From frames or a build file to a model: what is learnt, and what is said when there is too little."""

import dataclasses
from datetime import timedelta

import numpy as np
import pytest

from ml.backtest import Entrant
from ml.calendar import plan_snapshots
from ml.candidates import CANDIDATES, candidate_named
from ml.training import planned_backtests, recency_rule_instead, snapshots_to_build, train
from tests.ml.makers import FIRST_DAY, HORIZON, PLAN, TRAINED_AS_OF, make_definition, make_snapshots
from tests.ml.quick import QUICK, learn_quickly

EVERYBODY_QUICKLY = dataclasses.replace(QUICK, candidates=CANDIDATES)


def value(outcome, candidate, metric):
    return next(row.value for row in outcome.metrics if (row.candidate, row.metric) == (candidate, metric))


def test_a_model_beats_the_recency_rule_out_of_time_when_there_is_something_to_learn(outcome):
    assert outcome.compared_on == "out_of_time"
    assert outcome.test_as_of_date == PLAN.test
    assert outcome.model.candidate != "recency_rule"
    assert value(outcome, outcome.model.candidate, "roc_auc_over_recency") > 0.1
    assert outcome.model.note == ""


def test_every_candidate_of_the_registry_is_measured_with_an_interval():
    found = learn_quickly(make_snapshots(users=500), rules=EVERYBODY_QUICKLY)
    assert found.contest.out == {}
    assert {row.candidate for row in found.metrics} == {candidate.name for candidate in CANDIDATES}
    measured = [row for row in found.metrics if not np.isnan(row.value)]
    assert all(row.lower <= row.upper for row in measured)
    assert {row.candidate for row in measured} == {candidate.name for candidate in CANDIDATES}


def test_shuffled_labels_teach_nothing():
    snapshots = make_snapshots(seed=3)
    random = np.random.default_rng(0)
    shuffled = snapshots.frame.assign(churned=random.permutation(snapshots.frame["churned"].to_numpy()))
    names = ("recency_rule", "logistic_regression", "boosted_trees")
    rules = dataclasses.replace(QUICK, candidates=tuple(map(candidate_named, names)))
    found = learn_quickly(dataclasses.replace(snapshots, frame=shuffled), rules=rules)
    for candidate in names:
        assert value(found, candidate, "roc_auc") == pytest.approx(0.5, abs=0.07)
    assert found.model.candidate == "recency_rule"


def test_the_order_of_rows_and_columns_does_not_matter(outcome):
    snapshots = make_snapshots()
    mixed = snapshots.frame.sample(frac=1, random_state=1)[snapshots.frame.columns[::-1]]
    mixed = mixed.sort_values(["as_of_date", "user_id"]).reset_index(drop=True)
    found = learn_quickly(dataclasses.replace(snapshots, frame=mixed))
    assert found.metrics == outcome.metrics


def test_too_few_rows_mean_the_recency_rule_scores_and_says_so():
    found = learn_quickly(make_snapshots(users=200))
    assert found.model.candidate == "recency_rule"
    assert found.model.note.startswith("Too little data for a model: 600 training rows")
    assert found.compared_on == "nothing"


def test_one_class_means_the_recency_rule_scores_and_says_so():
    snapshots = make_snapshots()
    found = learn_quickly(dataclasses.replace(snapshots, frame=snapshots.frame.assign(churned=1)))
    assert found.model.candidate == "recency_rule"
    assert "2400 churned and 0 not" in found.model.note
    assert np.isfinite(found.model.predict(snapshots.frame)).all()


def test_the_model_in_use_learns_from_the_newest_mature_snapshots_not_only_from_older_ones(outcome):
    judged = outcome.contest.judged.models[outcome.model.candidate]
    newest = make_snapshots().on([PLAN.test])
    assert (judged.trained_as_of, outcome.model.trained_as_of) == (PLAN.test, TRAINED_AS_OF)
    assert not np.array_equal(judged.log_odds(newest), outcome.model.log_odds(newest))


def test_the_recency_rule_takes_the_place_of_a_model_that_is_not_sound(outcome):
    found = recency_rule_instead(outcome, make_snapshots())
    assert found.model.candidate == found.contest.winner.candidate.name == "recency_rule"
    assert found.contest.winner == Entrant(candidate_named("recency_rule"))
    assert "logistic_regression was not sound and there is no champion" in found.model.note
    golden = found.golden_rows
    np.testing.assert_array_equal(found.model.predict(golden), golden["expected"])


def test_without_any_mature_label_a_rule_without_a_fit_scores_and_says_so(build):
    found, snapshots = train(
        build,
        trained_as_of=TRAINED_AS_OF,
        definition=make_definition(horizon_days=400),
        first_data_day=FIRST_DAY,
        rules=QUICK,
    )
    assert snapshots is None
    assert found.model.candidate == "recency_rule"
    assert "without having been fitted" in found.model.note
    assert found.golden_rows["expected"].between(0, 1).all()


def test_a_history_too_short_for_a_test_in_time_is_compared_on_other_users():
    plan = plan_snapshots(TRAINED_AS_OF, HORIZON, PLAN.production[-1].replace(day=1), min_history_days=5)
    plan = dataclasses.replace(plan, test=None, training=())
    found = learn_quickly(make_snapshots(plan=plan), plan)
    assert found.compared_on == "other_users"
    assert found.model.candidate != "recency_rule"
    assert value(found, found.model.candidate, "roc_auc") > 0.65


def test_training_reads_the_build_file(build):
    lines = []
    found, snapshots = train(
        build,
        trained_as_of=TRAINED_AS_OF,
        definition=make_definition(),
        first_data_day=FIRST_DAY,
        rules=QUICK,
        progress=lines.append,
    )
    assert found.model.candidate == "logistic_regression"
    assert found.definition_id == "paid_order_30d"
    assert sorted(set(snapshots.frame["as_of_date"])) == found.plan.snapshots
    assert any("logistic_regression wins on" in line for line in lines)


def test_training_reads_the_population_of_the_definition_only(build):
    definition = make_definition(active_within_days=60)
    _, snapshots = train(
        build, trained_as_of=TRAINED_AS_OF, definition=definition, first_data_day=FIRST_DAY, rules=QUICK
    )
    assert snapshots.frame["days_since_last_paid_order"].max() == 59


def test_what_is_built_is_what_training_and_its_backtest_read():
    days = snapshots_to_build(TRAINED_AS_OF, HORIZON, FIRST_DAY)
    plans = planned_backtests(TRAINED_AS_OF, HORIZON, FIRST_DAY)
    assert days == sorted(days)
    assert set(days) >= {plan.test for plan in plans} | {day for plan in plans for day in plan.training}
    assert set(days) >= set(plan_snapshots(TRAINED_AS_OF, HORIZON, FIRST_DAY).snapshots)
    assert len(planned_backtests(TRAINED_AS_OF, HORIZON, FIRST_DAY.replace(year=2015))) == 13


def test_users_whose_outcome_a_campaign_changed_are_not_learnt_from(build):
    newest = PLAN.test
    build.execute("create schema control")
    build.execute(
        "create table control.campaign_contacts as select 'u00007' as user_id, 'sent' as state, "
        "cast(? as date) + 3 as as_of_date, cast(? as date) + interval 4 day as handed_over_at "
        "union all select 'u00008', 'cancelled', cast(? as date) + 3, null",
        [newest, newest, newest],
    )
    _, snapshots = train(
        build,
        trained_as_of=TRAINED_AS_OF,
        definition=make_definition(),
        first_data_day=FIRST_DAY,
        rules=QUICK,
    )
    learnt = snapshots.frame.set_index(["user_id", "as_of_date"]).index
    assert ("u00007", newest) not in learnt
    assert ("u00008", newest) in learnt
    assert ("u00007", PLAN.production[-1]) in learnt


def test_a_label_that_was_not_complete_on_the_evening_of_training_is_never_learnt_from(build):
    outcome, snapshots = train(
        build,
        trained_as_of=TRAINED_AS_OF,
        definition=make_definition(),
        first_data_day=FIRST_DAY,
        rules=QUICK,
    )
    window = timedelta(days=HORIZON)
    assert snapshots.frame["as_of_date"].max() + window <= TRAINED_AS_OF
    assert max(outcome.plan.training) + window <= outcome.plan.test

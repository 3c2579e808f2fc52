"""A model decides only where the experiment proves that it should."""

from functools import partial

import duckdb
import numpy as np
import pytest

from ml.uplift import training
from ml.uplift.estimators import LINEAR
from ml.uplift.evaluation import CHOSEN
from ml.uplift.experiments import load_experiment, load_scored_users
from ml.uplift.learners import ClassTransformation, TLearner
from ml.uplift.model import fit_scale
from ml.uplift.report import report_rows
from ml.uplift.training import RISK, learn_campaign
from tests.ml.uplift.build_files import CAMPAIGN, SCORED_ON, TRAINED_AS_OF, make_experiment_build
from tests.ml.uplift.experiments import make_experiment

QUICK = {"t_learner": lambda: TLearner(LINEAR), "class_transformation": lambda: ClassTransformation(LINEAR)}


@pytest.fixture(autouse=True, scope="module")
def quick():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "LEARNERS", QUICK)
        yield


def learn(others=0, **experiment):
    with duckdb.connect() as connection:
        make_experiment_build(connection, **experiment)
        rows = load_experiment(connection, CAMPAIGN, TRAINED_AS_OF)
        found = learn_campaign(rows, TRAINED_AS_OF, others=[rows] * others)
        return found, load_scored_users(connection, SCORED_ON)


@pytest.fixture(scope="module")
def learnt():
    return learn()


def figure(found, learner, metric, outcome="net_margin"):
    [one] = [one for one in found.figures[outcome] if (one.learner, one.metric) == (learner, metric)]
    return one


def test_a_model_that_finds_whom_the_campaign_helps_decides(learnt):
    found, _ = learnt
    assert found.model is not None
    assert figure(found, CHOSEN, "qini").is_above_zero
    assert figure(found, CHOSEN, f"qini_over_{RISK}").is_above_zero
    assert "decides" in found.verdict
    assert found.model.names["net_margin"] in QUICK


def test_what_it_predicts_is_in_probability_and_in_money(learnt):
    found, users = learnt
    uplift = found.model.predict(users)
    complained = (users["has_complained"] > 0).to_numpy()
    assert len(uplift) == len(users) > 1_000
    # planted: +.8 of staying for those who complained, -.2 for the others; a stay is worth 40
    assert uplift["uplift_probability"][complained].mean() == pytest.approx(0.65, abs=0.25)
    assert uplift["uplift_probability"][~complained].mean() == pytest.approx(-0.2, abs=0.12)
    assert uplift["uplift_margin"][complained].mean() == pytest.approx(26, abs=12)
    assert uplift["uplift_margin"][~complained].mean() < 0


def test_without_different_response_the_policy_stays_the_seeds():
    found, _ = learn(effect=0.0)
    assert found.model is None
    assert "The policy is the seed's." in found.verdict
    assert found.verdict.startswith("No evidence of different response")
    rows = report_rows(TRAINED_AS_OF, [found])
    assert len(rows) > 10
    assert not rows["is_in_force"].any()
    assert rows["model_version"].isna().all()


def test_where_the_riskiest_are_helped_most_the_seeds_order_is_not_replaced():
    found, _ = learn(effect=0.9, helps="risk", users=4_000)
    assert figure(found, CHOSEN, "qini").is_above_zero
    assert found.model is None
    assert found.verdict.startswith("Not better than the riskiest first")
    assert "The policy is the seed's." in found.verdict


def test_with_too_few_outcomes_nothing_is_learnt_and_the_report_says_so():
    found, _ = learn(users=900)
    assert found.model is None
    assert found.verdict.startswith("Too little data: 900 complete outcomes")
    [row] = report_rows(TRAINED_AS_OF, [found]).to_dict("records")
    assert (row["learner"], row["metric"], row["estimate"]) == ("seed", "users", 900.0)
    assert row["note"] == found.verdict


def test_too_small_a_holdout_is_too_little_data():
    found, _ = learn(holdout=0.05)
    assert found.verdict.startswith("Too little data")


def test_the_report_has_every_learner_and_marks_those_in_force(learnt):
    found, _ = learnt
    rows = report_rows(TRAINED_AS_OF, [found])
    assert not rows.duplicated(["campaign_id", "learner", "outcome", "metric"]).any()
    assert set(rows["learner"]) == {*QUICK, CHOSEN, RISK, "constant_effect"}
    assert set(rows["outcome"]) == {"retained", "net_margin"}
    marked = rows[rows["is_in_force"]]
    assert dict(zip(marked["outcome"], marked["learner"], strict=False)) == dict(found.model.names)
    told = rows[(rows["learner"] == CHOSEN) & (rows["metric"] == "qini") & (rows["outcome"] == "net_margin")]
    assert told["note"].tolist() == [f"above 0. {found.verdict}"]


def test_the_same_rows_give_the_same_figures(learnt):
    again, _ = learn()
    assert again.figures == learnt[0].figures
    assert again.verdict == learnt[0].verdict


@pytest.mark.parametrize(("exaggerated", "slope"), [(1.0, 1.0), (4.0, 0.25), (-1.0, 0.0)])
def test_predictions_are_drawn_towards_the_average_as_far_as_they_exaggerate(exaggerated, slope):
    experiment = make_experiment(60_000, holdout=0.3)
    scale = fit_scale(
        exaggerated * experiment.uplift,
        experiment.outcome,
        experiment.treated,
        experiment.propensity,
        0.0,
    )
    assert scale.slope == pytest.approx(slope, abs=0.06)
    assert scale.of(np.array([scale.centre])) == pytest.approx([0.0])


def test_other_campaigns_are_learnt_from_without_the_users_who_are_judged():
    with duckdb.connect() as connection:
        make_experiment_build(connection)
        rows = load_experiment(connection, CAMPAIGN, TRAINED_AS_OF)
    seen = []

    class Spy(ClassTransformation):
        def fit(self, inputs, outcome, treated, propensity=None):
            seen.append(len(inputs))
            return super().fit(inputs, outcome, treated, propensity)

    # the same users in another campaign: whoever is held out is held out of both
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "POOLED", {"pooled": lambda: Spy(LINEAR)})
        found = learn_campaign(rows, TRAINED_AS_OF, others=[rows])
    assert {one.learner for one in found.figures["net_margin"]} >= {"pooled", *QUICK}
    assert set(seen) - {2 * len(rows)} == {2 * (len(rows) - len(rows) // 5)}


def test_a_shared_response_is_found_sooner_with_other_campaigns():
    frames = []
    for seed in range(3):
        with duckdb.connect() as connection:
            make_experiment_build(connection, effect=0.16, seed=seed)
            frames.append(load_experiment(connection, CAMPAIGN, TRAINED_AS_OF))
    with pytest.MonkeyPatch.context() as patch:
        one_kind = partial(ClassTransformation, training.SEGMENTS)
        patch.setattr(training, "LEARNERS", {"alone": one_kind})
        patch.setattr(training, "POOLED", {"together": one_kind})
        found = learn_campaign(frames[0], TRAINED_AS_OF, others=frames[1:])
    alone, together = (figure(found, name, "qini", "retained") for name in ("alone", "together"))
    assert together.estimate > alone.estimate

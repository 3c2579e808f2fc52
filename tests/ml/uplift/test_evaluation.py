"""Evaluation finds what was planted, and nothing where there is nothing."""

from functools import partial

import numpy as np
import pytest

from ml.uplift.baselines import ConstantEffect, OneRule
from ml.uplift.evaluation import (
    NO_EVIDENCE,
    average_effect,
    best_learner,
    choose_per_fold,
    judge_rankings,
    rank_out_of_fold,
    stratified_folds,
)
from ml.uplift.qini import qini_curve
from tests.ml.uplift.experiments import LEARNERS, RISK_FIRST, make_experiment
from warehouse.errors import ContractBreach

RESAMPLES = 120


def judged(experiment, learners, **more):
    ranked = rank_out_of_fold(
        {**learners, **RISK_FIRST}, experiment.inputs, experiment.outcome, experiment.treated
    )
    figures = judge_rankings(
        experiment.outcome,
        experiment.treated,
        ranked.places,
        baseline="risk_first",
        resamples=RESAMPLES,
        **more,
    )
    return {(figure.learner, figure.metric): figure for figure in figures}


@pytest.mark.parametrize("name", LEARNERS)
@pytest.mark.parametrize("is_amount", [False, True])
def test_a_planted_effect_is_found_and_beats_risk_first(name, is_amount):
    figures = judged(make_experiment(is_amount=is_amount), {name: LEARNERS[name]})
    assert figures[name, "qini"].is_above_zero
    assert figures[name, "qini"].reading == "above 0"
    assert figures[name, "qini_over_risk_first"].is_above_zero
    assert figures[name, "auuc"].estimate == pytest.approx(
        figures[name, "qini"].estimate, abs=0.02 * (50 if is_amount else 1)
    )


@pytest.mark.parametrize("name", LEARNERS)
def test_without_an_effect_there_is_no_evidence(name):
    figure = judged(make_experiment(effect=0.0), {name: LEARNERS[name]})[name, "qini"]
    assert not figure.is_above_zero
    assert figure.reading == NO_EVIDENCE


def test_a_random_order_is_seldom_above_zero():
    random = np.random.default_rng(5)
    above = covered = 0
    for seed in range(60):
        experiment = make_experiment(600, seed=seed)
        figures = judge_rankings(
            experiment.outcome,
            experiment.treated,
            {"random": random.random(600)},
            resamples=100,
            seed=seed,
        )
        qini = next(figure for figure in figures if figure.metric == "qini")
        above += qini.low > 0
        covered += qini.low <= 0 <= qini.high
    assert above <= 6
    assert covered >= 50


def test_the_figure_of_the_best_of_many_flatters_and_that_of_the_choice_does_not():
    flattering, honest = [], []
    for seed in range(40):
        experiment = make_experiment(400, effect=0.0, seed=seed)
        noise = np.random.default_rng([seed, 1])
        learners = {f"noise_{number}": partial(Noise, noise) for number in range(12)}
        arms = experiment.outcome, experiment.treated
        ranked = rank_out_of_fold(learners, experiment.inputs, *arms)
        best = best_learner(ranked, *arms, among=list(learners))
        flattering.append(qini_curve(*arms, ranked.places[best]).qini)
        honest.append(qini_curve(*arms, choose_per_fold(ranked, *arms, among=list(learners))).qini)
    in_errors = [np.mean(found) / (np.std(found) / np.sqrt(40)) for found in (flattering, honest)]
    assert in_errors[0] > 3
    assert abs(in_errors[1]) < 2.5


class Noise:
    def __init__(self, random):
        self.random = random

    def fit(self, inputs, outcome, treated, propensity=None):
        return self

    def predict_uplift(self, inputs):
        return self.random.random(len(inputs))


def test_the_constant_effect_ranks_nobody_and_measures_the_average():
    experiment = make_experiment(effect=0.0)
    outcome = experiment.outcome + 0.2 * experiment.treated
    learner = ConstantEffect().fit(experiment.inputs, outcome, experiment.treated)
    assert learner.predict_uplift(experiment.inputs[:3]) == pytest.approx([0.2] * 3, abs=0.05)
    ranked = rank_out_of_fold(
        {"constant_effect": ConstantEffect}, experiment.inputs, outcome, experiment.treated
    )
    [_, qini] = judge_rankings(outcome, experiment.treated, ranked.places, resamples=20)
    assert (qini.estimate, qini.low, qini.high) == (0.0, 0.0, 0.0)
    assert qini.reading == NO_EVIDENCE
    effect = average_effect(outcome, experiment.treated, learner="constant_effect")
    assert effect.low < 0.2 < effect.high
    assert effect.is_above_zero


def test_the_average_effect_weighs_parts_that_were_treated_more_often():
    experiment = make_experiment(40_000, effect=0.0, holdout_rises_with_risk=True)
    blind = average_effect(experiment.outcome, experiment.treated, learner="x")
    aware = average_effect(experiment.outcome, experiment.treated, experiment.propensity, learner="x")
    assert blind.is_above_zero
    assert aware.low < 0 < aware.high


def test_one_rule_puts_those_who_meet_it_first():
    experiment = make_experiment(5)
    scores = OneRule("likes", 0.0).fit(None, None, None).predict_uplift(experiment.inputs)
    assert scores.tolist() == (experiment.inputs["likes"] >= 0).astype(float).tolist()


def test_folds_are_alike_in_arm_and_outcome():
    experiment = make_experiment(1_003, holdout=0.1)
    fold = stratified_folds(experiment.outcome, experiment.treated)
    assert np.ptp(np.bincount(fold)) <= 1
    for arm in (True, False):
        for good in (0.0, 1.0):
            rows = (experiment.treated == arm) & (experiment.outcome == good)
            assert np.ptp(np.bincount(fold[rows])) <= 1
    again = stratified_folds(experiment.outcome, experiment.treated)
    assert (fold == again).all()


def test_the_best_learner_is_the_one_with_the_largest_area():
    experiment = make_experiment()
    ranked = rank_out_of_fold(
        {**RISK_FIRST, "rule": lambda: OneRule("likes", 0.0)},
        experiment.inputs,
        experiment.outcome,
        experiment.treated,
    )
    names = ["risk_first", "rule"]
    assert best_learner(ranked, experiment.outcome, experiment.treated, among=names) == "rule"


@pytest.mark.parametrize(
    ("outcome", "treated", "words"),
    [
        ([1.0, 0.0], [1, 1], "both arms"),
        ([1.0, np.nan], [1, 0], "not a number"),
    ],
)
def test_what_is_no_experiment_is_refused(outcome, treated, words):
    with pytest.raises(ContractBreach, match=words):
        judge_rankings(np.array(outcome), np.array(treated), {"x": np.zeros(2)})

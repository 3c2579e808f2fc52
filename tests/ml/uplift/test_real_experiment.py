"""On a real randomised e-mail experiment the learners find what others found, and claim no more.

Hillstrom's data (2008): 64,000 customers, a third each got an e-mail on men's goods, on women's goods, or
none; visit, conversion and spend of the following two weeks.
"""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml.features import Feature, fit_contract, prepare
from ml.uplift.baselines import OneRule, RiskFirst
from ml.uplift.estimators import LINEAR
from ml.uplift.evaluation import NO_EVIDENCE, judge_rankings, rank_out_of_fold
from ml.uplift.learners import ClassTransformation, TLearner

FILE = "email_experiment/hillstrom.csv"
FEATURES = (
    *(Feature(name, "numeric") for name in ("recency", "history", "mens", "womens", "newbie")),
    *(Feature(name, "categorical") for name in ("history_segment", "zip_code", "channel")),
)
LEARNERS = {
    "t_learner": lambda: TLearner(LINEAR),
    "class_transformation": lambda: ClassTransformation(LINEAR),
    "bought_womens_goods": lambda: OneRule("womens"),
    "longest_away_first": lambda: RiskFirst("recency"),
}

pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def customers() -> pd.DataFrame:
    folder = os.environ.get("HOLDFAST_REAL_DATA")
    path = Path(folder or "") / FILE
    if not folder or not path.is_file():
        pytest.skip(f"HOLDFAST_REAL_DATA holds no {FILE}")
    found = pd.read_csv(path)
    assert len(found) == 64_000
    return found


def figures_of(customers: pd.DataFrame, email: str, outcome: str) -> dict:
    rows = customers[customers["segment"].isin([email, "No E-Mail"])].reset_index(drop=True)
    inputs = prepare(rows, fit_contract(rows, FEATURES))
    treated = (rows["segment"] == email).to_numpy()
    values = rows[outcome].to_numpy(dtype=np.float64)
    ranked = rank_out_of_fold(LEARNERS, inputs, values, treated)
    figures = judge_rankings(values, treated, ranked.places, baseline="longest_away_first", resamples=200)
    return {(figure.learner, figure.metric): figure for figure in figures}


def test_who_visits_because_of_the_womens_email_is_found(customers):
    found = figures_of(customers, "Womens E-Mail", "visit")
    rule = found["bought_womens_goods", "qini"]
    for learner in ("t_learner", "class_transformation"):
        qini = found[learner, "qini"]
        assert 0.0030 <= qini.estimate <= 0.0055
        assert qini.is_above_zero
        assert qini.estimate >= rule.estimate - 0.0007
        assert found[learner, "qini_over_longest_away_first"].is_above_zero


def test_who_visits_because_of_the_mens_email_is_found_less_surely(customers):
    qini = figures_of(customers, "Mens E-Mail", "visit")["t_learner", "qini"]
    assert 0.0 < qini.estimate <= 0.0055


def test_the_mens_email_shows_no_evidence_of_different_response_in_spend(customers):
    qini = figures_of(customers, "Mens E-Mail", "spend")["t_learner", "qini"]
    assert qini.reading == NO_EVIDENCE


def test_spend_after_the_womens_email_is_reported_with_its_interval(customers):
    qini = figures_of(customers, "Womens E-Mail", "spend")["t_learner", "qini"]
    assert qini.low < qini.estimate < qini.high
    # in dollars per customer: the whole e-mail brought 0.42 on average
    assert abs(qini.estimate) < 0.42


def test_an_order_by_chance_finds_nothing_in_it(customers):
    rows = customers[customers["segment"] != "Mens E-Mail"]
    treated = (rows["segment"] == "Womens E-Mail").to_numpy()
    places = {"random": np.random.default_rng(0).random(len(rows))}
    [_, qini] = judge_rankings(rows["visit"].to_numpy(dtype=np.float64), treated, places, resamples=100)
    assert qini.low < 0 < qini.high

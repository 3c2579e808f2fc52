"""A challenger that is worse, equal, broken or judged on too little replaces nobody; the reason is kept."""

import dataclasses
import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml.promotion import Evidence, Verdict, judge_challenger
from tests.ml.judged import make_judged
from warehouse.ledger import Ledger, Model, ModelDecision

SUNDAY = date(2024, 3, 3)
NINETY = "paid_order_90d"
CHURNED, SCORES = make_judged(users=1_500, noise={"good": 0.4, "poor": 1.5, "recency": 2.0}, seed=1)
BETTER = Evidence(
    challenger="new",
    churned=CHURNED,
    challenger_scores=SCORES["good"],
    recency_scores=SCORES["recency"],
    champion="old",
    champion_scores=SCORES["poor"],
    champion_age_days=7,
)


def changed(**values) -> Evidence:
    return dataclasses.replace(BETTER, **values)


def first_users(number: int) -> Evidence:
    return changed(
        churned=CHURNED[:number],
        challenger_scores=SCORES["good"][:number],
        champion_scores=SCORES["poor"][:number],
        recency_scores=SCORES["recency"][:number],
    )


def spoilt(value: float) -> np.ndarray:
    scores = SCORES["good"].copy()
    scores[7] = value
    return scores


# What is wrong with the challenger, what the verdict is, and what the reason says.
CASES = {
    "worse": (
        changed(challenger_scores=SCORES["poor"], champion_scores=SCORES["good"]),
        "kept",
        "Worse than old: ROC-AUC",
    ),
    "equal": (changed(champion_scores=SCORES["good"]), "kept", "Not better than old by more than noise"),
    "NaN in its scores": (
        changed(challenger_scores=spoilt(np.nan)),
        "refused",
        "1 of 1500 scores of new are",
    ),
    "infinite": (changed(challenger_scores=spoilt(np.inf)), "refused", "no probabilities"),
    "above one": (changed(challenger_scores=spoilt(1.01)), "refused", "no probabilities"),
    "NaN everywhere": (changed(challenger_scores=np.full(1_500, np.nan)), "refused", "1500 of 1500 scores"),
    "NaN in the champion": (
        changed(champion_scores=spoilt(np.nan)),
        "refused",
        "1 of 1500 scores of old are",
    ),
    "a score too few": (
        changed(challenger_scores=SCORES["good"][1:]),
        "refused",
        "1499 scores of new for 1500",
    ),
    "nobody to judge it on": (first_users(0), "refused", "0 test users, 0 churned and 0 not, are too few"),
    "tiny": (first_users(60), "refused", "60 test users"),
    "tiny, the recency rule": (
        dataclasses.replace(first_users(60), is_recency_rule=True),
        "kept",
        "are too few to tell: old stays",
    ),
    "everybody churned": (changed(churned=np.ones_like(CHURNED)), "refused", "1500 churned and 0 not"),
    "nobody churned": (changed(churned=np.zeros_like(CHURNED)), "refused", "0 churned and 1500 not"),
    "nineteen churned": (
        changed(churned=np.where(np.arange(1_500) < 19, 1, 0)),
        "refused",
        "19 churned and 1481 not, are too few",
    ),
}


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """Return a ledger in which "old" is champion and "new" was trained a week later."""
    with Ledger(f"sqlite:///{tmp_path / 'ledger.db'}") as opened:
        for number, version in enumerate(("old", "new")):
            trained = SUNDAY + timedelta(days=7 * number)
            opened.record_model(Model(version, "shop", trained, 90, "boosted_trees", "challenger", version))
        opened.record_decision("old", "promoted", "the first", judged_against=None)
        yield opened


def decided(ledger: Ledger, verdict: Verdict) -> ModelDecision:
    return ledger.record_decision(
        "new", verdict.verdict, verdict.reason, judged_against="old", figures=verdict.figures
    )


def champion(ledger: Ledger) -> str:
    found = ledger.champion_for("shop", NINETY, SUNDAY + timedelta(days=30))
    assert found is not None
    return found.model_version


def test_e4_the_same_challenger_in_order_is_promoted(ledger):
    assert decided(ledger, judge_challenger(BETTER)).verdict == "promoted"
    assert champion(ledger) == "new"


@pytest.mark.parametrize(("evidence", "verdict", "reason"), CASES.values(), ids=CASES)
def test_e4_the_champion_stays_and_the_reason_is_recorded(ledger, evidence, verdict, reason):
    made = decided(ledger, judge_challenger(evidence))
    assert (made.verdict, reason in made.reason) == (verdict, True), made.reason
    assert champion(ledger) == "old"
    kept = ledger.model_decisions("shop", NINETY)[-1]
    assert (kept.challenger, kept.champion, kept.reason) == ("new", "old", made.reason)
    assert json.loads(kept.figures_json)["users"] == len(evidence.churned)


@pytest.mark.parametrize("alone", [0, 1])
def test_e4_a_slice_without_both_kinds_neither_breaks_nor_decides(alone):
    country = np.where(np.arange(1_500) < 300, "IS", "DE")
    churned = np.where(country == "IS", alone, CHURNED)
    scores = {name: np.where(country == "IS", 0.02 + 0.96 * alone, score) for name, score in SCORES.items()}
    evidence = changed(
        churned=churned,
        challenger_scores=scores["good"],
        champion_scores=scores["poor"],
        recency_scores=scores["recency"],
        slices={"country": pd.Series(country)},
    )
    found = judge_challenger(evidence)
    assert found.verdict == "promoted", found.reason
    assert [row["slice_value"] for row in found.figures["slices"]] == ["DE"]

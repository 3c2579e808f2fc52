import dataclasses
from datetime import date

import numpy as np
import pandas as pd
import pytest

from ml.features import Feature, FeatureContract
from ml.promotion import Evidence, contract_faults, judge_challenger
from tests.ml.judged import make_judged

NOISE = {"recency": 2.0, "poor": 1.2, "good": 0.4, "equal": 0.4}
CHURNED, SCORES = make_judged(users=2_000, noise=NOISE, seed=1)
TESTED = date(2011, 6, 6)


def evidence(challenger, champion, **others):
    """Return the evidence for one named score against another, or against nobody."""
    return Evidence(
        challenger=f"churn-{challenger}",
        churned=CHURNED,
        challenger_scores=SCORES[challenger],
        recency_scores=SCORES["recency"],
        is_recency_rule=challenger == "recency",
        champion=f"churn-{champion}" if champion else None,
        champion_scores=SCORES[champion] if champion else None,
        champion_age_days=7 if champion else 0,
        test_as_of_date=TESTED,
        **others,
    )


AGED = {"champion_age_days": 57}
ALARMED = {"champion_alarms": ["drift of paid_orders_30d"]}
TABLE = [
    ("the recency rule without a champion", "recency", None, {}, "promoted", "the recency rule scores"),
    ("the first that beats the recency rule", "good", None, {}, "promoted", "Better than the recency rule"),
    ("better", "good", "poor", {}, "promoted", "Better than churn-poor: ROC-AUC"),
    ("worse", "poor", "good", {}, "kept", "Worse than churn-good: ROC-AUC"),
    ("the same score", "good", "good", {}, "kept", "Not better than churn-good by more than noise"),
    ("about equal", "equal", "good", {}, "kept", "Not better than churn-good by more than noise"),
    ("equal to a champion of 57 days", "equal", "good", AGED, "promoted", "Refreshed, for churn-good was tr"),
    (
        "equal to one with an alarm",
        "equal",
        "good",
        ALARMED,
        "promoted",
        "has an alarm (drift of paid_orders",
    ),
    ("worse than a champion of 57 days", "poor", "good", AGED, "kept", "Worse than churn-good"),
    ("worse than one with an alarm", "poor", "good", ALARMED, "kept", "Worse than churn-good"),
    ("better, but a leak", "good", "poor", {"leak_alarms": ["too good"]}, "refused", "leak: too good."),
    ("better, but misfed", "good", "poor", {"contract_faults": ["a is missing"]}, "refused", "a is missing."),
]


def changed(known, **values):
    return dataclasses.replace(known, **values)


@pytest.mark.parametrize(
    ("challenger", "champion", "others", "verdict", "reason"),
    [row[1:] for row in TABLE],
    ids=[row[0] for row in TABLE],
)
def test_a_challenger_is_judged_by_the_rules(challenger, champion, others, verdict, reason):
    known = evidence(challenger, champion)
    found = judge_challenger(changed(known, **others))
    assert (found.verdict, reason in found.reason) == (verdict, True), found.reason


def test_the_reason_has_numbers_and_the_figures_have_all_of_them():
    found = judge_challenger(evidence("good", "poor"))
    assert found.reason.endswith("on 2,000 users of 2011-06-06.")
    auc = found.figures["metrics"]["roc_auc"]
    assert f"{auc['challenger']:.4f} ({auc['difference']:+.4f}, {auc['lower']:+.4f} to" in found.reason
    assert auc["lower"] > 0
    assert found.figures["users"] == 2_000
    assert found.figures["champion"] == "churn-poor"
    assert found.figures["test_as_of_date"] == "2011-06-06"


def test_the_first_model_must_beat_the_recency_rule_by_more_than_noise():
    first = evidence("good", None)
    found = judge_challenger(changed(first, recency_scores=SCORES["equal"]))
    assert found.verdict == "kept"
    assert "There is no champion. Not better than the recency rule by more than noise" in found.reason


def test_a_champion_that_gives_no_scores_is_replaced_by_what_beats_the_recency_rule():
    found = judge_challenger(changed(evidence("good", "poor"), champion_scores=None))
    assert found.verdict == "promoted"
    assert "churn-poor gives no scores" in found.reason


def test_better_on_the_whole_but_worse_in_one_country_is_kept():
    country = np.where(np.arange(2_000) % 5 == 0, "FR", "DE")
    scores = np.where(country == "FR", SCORES["recency"], SCORES["good"])
    of_champion = np.where(country == "FR", SCORES["good"], SCORES["recency"])
    known = changed(
        evidence("good", "poor"),
        challenger_scores=scores,
        champion_scores=of_champion,
        slices={"country": pd.Series(country)},
    )
    assert judge_challenger(changed(known, slices={})).verdict == "promoted"
    found = judge_challenger(known)
    assert found.verdict == "kept"
    assert "Worse than churn-poor for country FR (400 users" in found.reason
    assert [row["slice_value"] for row in found.figures["slices"]] == ["DE", "FR"]


def test_a_challenger_that_is_not_calibrated_is_refused_with_what_is_allowed():
    known = changed(evidence("good", "poor"), challenger_scores=SCORES["good"] * 0.7)
    found = judge_challenger(known)
    assert found.verdict == "refused"
    assert "expected calibration error 0.1" in found.reason
    assert "where 0.06" in found.reason
    assert 0.06 <= found.figures["largest_calibration_error"] < 0.08


def test_without_a_champion_a_wrong_level_is_better_than_a_ranking_that_says_nothing():
    lowered = changed(evidence("good", None), challenger_scores=SCORES["good"] * 0.85)
    found = judge_challenger(lowered)
    assert found.figures["metrics"]["ece"]["challenger"] > found.figures["largest_calibration_error"]
    assert found.verdict == "promoted"


def test_as_badly_calibrated_as_the_champion_is_allowed_for_the_season_moves_both():
    known = changed(
        evidence("good", "poor"),
        challenger_scores=SCORES["good"] * 0.7,
        champion_scores=SCORES["poor"] * 0.7,
    )
    found = judge_challenger(known)
    assert found.verdict == "promoted"
    assert found.figures["largest_calibration_error"] > 0.1


def test_few_users_may_miss_calibration_by_more():
    churned, scores = make_judged(users=150, noise=NOISE)
    known = changed(
        evidence("good", "poor"),
        churned=churned,
        challenger_scores=scores["good"],
        champion_scores=scores["poor"],
        recency_scores=scores["recency"],
    )
    assert judge_challenger(known).figures["largest_calibration_error"] > 0.1


def test_what_a_reader_must_know_begins_the_reason():
    found = judge_challenger(evidence("good", "poor", note="Compared on other users."))
    assert found.reason.startswith("Compared on other users. Better than churn-poor")


def test_the_same_evidence_gives_the_same_verdict_and_figures():
    known = evidence("good", "poor", slices={"half": pd.Series(["a", "b"] * 1_000)})
    assert judge_challenger(known) == judge_challenger(known)


def test_inputs_that_a_feature_table_lacks_or_has_in_another_type_are_faults():
    contract = FeatureContract((Feature("paid_orders_30d", "numeric"), Feature("country", "categorical")), {})
    assert contract_faults([("country", "VARCHAR"), ("paid_orders_30d", "BIGINT")], contract) == ()
    (fault,) = contract_faults([("country", "BIGINT")], contract)
    assert "paid_orders_30d is missing" in fault
    assert "country is BIGINT" in fault

import re
from datetime import date

import numpy as np
import pandas as pd
import pytest

from ml.card.words import interval, number, table
from ml.model_card import model_card, write_model_card
from tests.ml.report_frames import CHAMPION, EARLIER_DAY, TEST_DAY, report_tables

FACTS = {
    "source": "my_shop",
    "model_version": "churn-1",
    "candidate": CHAMPION,
    "trained_as_of": date(2025, 9, 4),
    "definition_id": "paid_order_90d",
    "meaning": "no paid order in the 90 days after the as_of_date",
    "horizon_days": 90,
    "active_within_days": 180,
    "compared_on": "out_of_time",
    "test_as_of_date": TEST_DAY,
}


@pytest.fixture(scope="module")
def tables():
    return report_tables()


@pytest.fixture(scope="module")
def card(tables):
    return model_card(tables, FACTS)


def flat(text):
    return " ".join(text.split())


def section(card, heading):
    return card.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]


def test_the_card_says_what_is_predicted_for_whom_and_from_which_model(card):
    assert "`my_shop`" in card
    assert "boosted trees, `churn-1`" in card
    predicts = section(card, "What it predicts")
    assert "no paid order in the 90 days after the as_of_date" in flat(predicts)
    assert "a paid order in the 180 days up to `as_of_date`." in predicts


def test_every_figure_of_the_contest_comes_from_the_table(card, tables):
    report = tables["model_report"].set_index(["candidate", "metric"])
    row = next(line for line in card.splitlines() if line.startswith("| **boosted trees**"))
    for metric in ("roc_auc", "pr_auc", "brier_skill", "log_loss"):
        figure = report.loc[(CHAMPION, metric)]
        assert interval(figure["value"], figure["lower"], figure["upper"]) in row
    assert f"{report.loc[(CHAMPION, 'roc_auc_over_recency'), 'value']:+.3f} (" in row
    assert row.endswith(f"| {number(report.loc[(CHAMPION, 'ece'), 'value'])} |")
    contest = section(card, "How good it is")
    assert (
        contest.index("**boosted trees**") < contest.index("RFM logistic") < contest.index("recency rule |")
    )


def test_a_change_of_a_table_changes_the_card(tables, card):
    report = tables["model_report"]
    lower = report.assign(value=report["value"].where(report["metric"] != "roc_auc", 0.987))
    assert "0.987" not in card
    assert "0.987 (" in model_card({**tables, "model_report": lower}, FACTS)


def test_a_model_that_is_not_ahead_by_more_than_chance_is_told_so(tables):
    report = tables["model_report"]
    noise = report.assign(lower=report["lower"].where(report["metric"] != "roc_auc_over_recency", -0.01))
    told = flat(model_card({**tables, "model_report": noise}, FACTS))
    assert "The model is **not** ahead of the recency rule by more than chance" in told


def test_what_is_caught_is_told_at_shares_at_capacity_and_at_the_threshold(tables):
    card = model_card(tables, {**FACTS, "capacity": 100})
    caught = section(card, "How good it is")
    assert re.search(r"\| 5 % \|.*\n\| 10 % \|.*\n\| 20 % \|.*\n\| 100 users \|", caught)
    assert "From a probability of 0.500 on, a user is called a churner" in caught
    assert "as many users are called churners as had churned in training" in flat(caught)


def test_the_past_is_told_snapshot_by_snapshot_oldest_first(card):
    past = section(card, "In the past")
    assert past.index(str(EARLIER_DAY)) < past.index(str(TEST_DAY))
    assert "ahead of the recency rule on 2 of 2, on 2 by more than chance" in past


def test_small_slices_are_marked_without_figures(card):
    slices = section(card, "For whom it works")
    assert re.search(r"\| \*country: IS\* \(small\) \| 50 \| \d+ % \| – \| – \| – \| – \|", slices)
    assert re.search(r"\| country: FR \| 250 \| \d+ % \| 0\.\d{3} \(", slices)
    assert "small slices: IS (country)" in flat(section(card, "Limits"))


def test_calibration_is_told_before_and_after(card, tables):
    report = tables["model_report"].set_index(["candidate", "metric"])["value"]
    told = flat(section(card, "Can the probabilities be taken at their word?"))
    assert f"{report[CHAMPION, 'ece_before']:.3f} (" in told.split(" before,")[0]
    assert f"{report[CHAMPION, 'ece']:.3f} (" in told.split(" before,")[1]


def test_importance_is_told_by_theme_and_by_input(card):
    told = section(card, "What it looks at")
    assert "| frequency | +0.080 (+0.060 to +0.100) |" in told
    assert "| `paid_orders_90d` | frequency | +0.050 (+0.030 to +0.070) |" in told
    assert "2 inputs were shuffled" in told


def test_consequences_of_the_tiers_are_those_of_the_newest_day_of_the_model(tables):
    columns = [
        "as_of_date", "tier_mode", "risk_tier", "cutoff", "users",
        "expected_churners", "expected_precision", "expected_recall", "model_version",
    ]  # fmt: skip
    rows = [
        (day, "capacity", tier, cutoff, users, 0.5 * users, 0.5, 0.3, version)
        for day, version in (
            (date(2025, 9, 4), "churn-1"),
            (date(2025, 9, 9), "churn-1"),
            (date(2025, 9, 16), "churn-2"),
        )
        for tier, cutoff, users in (("low", np.nan, 800), ("high", 0.7, 100 + day.day))
    ]
    card = model_card({**tables, "tier_consequences": pd.DataFrame(rows, columns=columns)}, FACTS)
    told = section(card, "What the tiers amount to")
    assert "On 2025-09-09, if the" in flat(told)
    assert "as many as can be contacted in a day" in flat(told)
    assert told.index("| high | 0.700 | 109 | 54 |") < told.index("| low | – | 800 | 400 |")


def test_rows_of_other_models_are_not_told(tables, card):
    other = tables["model_report"].assign(value=0.9991, lower=0.9991, upper=0.9991)
    both = {
        **tables,
        "model_report": pd.concat(
            [
                tables["model_report"].assign(model_version="churn-1", definition_id="paid_order_90d"),
                other.assign(model_version="churn-0", definition_id="paid_order_90d"),
            ]
        ).assign(trained_as_of=date(2025, 9, 4)),
    }
    assert model_card(both, FACTS) == card


def test_other_definitions_are_shown_beside_it(tables):
    chosen = pd.DataFrame([(CHAMPION, "is_chosen", 1.0, None, None)], columns=tables["model_report"].columns)
    report = tables["model_report"]
    parts = [
        report.assign(model_version="churn-1", definition_id="paid_order_90d"),
        report.assign(model_version="churn-1", definition_id="any_activity_90d"),
        chosen.assign(model_version="churn-1", definition_id="any_activity_90d"),
    ]
    together = pd.concat(parts).assign(trained_as_of=date(2025, 9, 4))
    told = section(model_card({**tables, "model_report": together}, FACTS), "Other definitions of churn")
    assert "| `any_activity_90d` | boosted trees | 0." in told
    assert "paid_order_90d`" not in told


def test_without_anything_to_judge_on_the_card_says_so():
    facts = {
        **FACTS,
        "candidate": "recency_rule",
        "compared_on": "nothing",
        "note": "Too little data for a model.",
    }
    card = model_card({"model_report": report_tables()["model_report"].iloc[:0]}, facts)
    assert "Too little data for a model." in card
    assert "## In the past" not in card
    assert "## What it is for, and what not" in card


def test_a_comparison_on_other_users_is_told_as_a_limit(tables):
    card = model_card(tables, {**FACTS, "compared_on": "other_users"})
    assert f"Judged on users of the snapshot of {TEST_DAY} by models of other users." in card
    assert "History is too short for a test in time" in section(card, "Limits")


def test_populations_and_windows_are_put_in_words(tables):
    personal = {**FACTS, "label_kind": "personal", "fewest_paid_days": 4}
    told = flat(section(model_card(tables, personal), "What it predicts"))
    assert "when the user's own window has passed, at most 90 days" in told
    assert "and at least 4 days with a paid order in life" in told
    one_time = model_card(tables, {**FACTS, "fewest_paid_days": 1, "most_paid_days": 1})
    assert "exactly one day with a paid order in life" in flat(one_time)


def test_what_was_learnt_from_and_left_out_is_told(tables):
    facts = {
        **FACTS,
        "snapshots": [date(2025, 6, 6), date(2025, 5, 9)],
        "training_rows": 2000,
        "training_churned": 500,
        "inputs": ["country", "paid_orders_90d"],
        "left_out": {"b": "constant in training: 0", "a": "constant in training: 0"},
        "tried": ["More trees gave nothing."],
    }
    card = flat(model_card(tables, facts))
    assert "from 2 snapshots, from 2025-05-09 to 2025-06-06" in card
    assert "2,000 rows, 25 % of them churned" in card
    assert "`a`, `b` (constant in training: 0)" in card
    assert "attributes of the person (`country`)" in card
    assert "- More trees gave nothing." in card


def test_the_card_and_its_pictures_are_written_and_linked(tables, tmp_path):
    path = tmp_path / "model_card.md"
    stale = tmp_path / "model_card" / "backtest.png"
    stale.parent.mkdir()
    stale.write_bytes(b"of an earlier model")
    few = {name: tables[name] for name in ("model_report", "model_curves")}
    written = write_model_card(few, FACTS, path)
    links = re.findall(r"\]\((model_card/\w+\.png)\)", path.read_text(encoding="utf-8"))
    assert sorted(tmp_path / link for link in links) == sorted(written[1:])
    assert len(links) == 4
    assert all(picture.exists() for picture in written)
    assert not stale.exists()


def test_prose_is_wrapped_and_tables_are_not(card):
    long = [line for line in card.splitlines() if len(line) > 120]
    assert long
    assert all(line.startswith(("|", "![")) for line in long)


def test_a_value_of_the_data_cannot_break_a_table():
    assert table(["slice"], [["a|b\nc"]]).splitlines()[-1] == "| a\\|b c |"

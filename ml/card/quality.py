"""How good the model is: the contest, the riskiest users, the past, calibration, slices."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ml.candidates import RECENCY_RULE
from ml.card.words import NOTHING, Figures, count, name_of, number, percent, picture, table
from ml.slices import EVERYBODY, FEWEST_PER_CLASS, FEWEST_USERS

Reports = Mapping[str, pd.DataFrame]
Facts = Mapping[str, Any]
Links = Mapping[str, str]
CONTEST = ["candidate", "ROC AUC", "over recency", "over RFM", "PR AUC", "Brier skill", "log loss", "ECE"]
RULE_WORDS = {
    "base_rate": "at which as many users are called churners as had churned in training",
    "best_f1": "with the best F1 on training users that the model had not seen",
}


def candidates_section(reports: Reports, facts: Facts) -> str:
    """Return the contest: every candidate out of time, and what it is ahead of the rules."""
    report = reports.get("model_report")
    if report is None:
        return ""
    figures, champion = Figures(report), str(facts["candidate"])
    names = sorted(
        {name for name, metric in figures.found if metric == "roc_auc"},
        key=lambda name: (-np.nan_to_num(figures.value(name, "roc_auc")), name),
    )
    if not names:
        return "## How good it is\n\nNot judged: there was too little to learn from and to judge on."
    rows = [
        [
            f"**{name_of(name)}**" if name == champion else name_of(name),
            figures.words(name, "roc_auc"),
            figures.words(name, "roc_auc_over_recency", signed=True),
            figures.words(name, "roc_auc_over_rfm", signed=True),
            figures.words(name, "pr_auc"),
            figures.words(name, "brier_skill"),
            figures.words(name, "log_loss"),
            figures.words(name, "ece", bare=True),
        ]
        for name in names
    ]
    gain = figures.words(champion, "roc_auc_over_recency", signed=True)
    verdict = (
        f"The model ranks better than the recency rule by more than chance: {gain} in ROC AUC."
        if figures.is_above_noise(champion, "roc_auc_over_recency")
        else f"The model is **not** ahead of the recency rule by more than chance: {gain} in ROC AUC."
        if champion != RECENCY_RULE
        else "The recency rule scores: no candidate deserved to replace it."
    )
    return f"""
## How good it is

{_tested(facts)} {verdict}

{table(CONTEST, rows)}

Differences are paired: both scores on the same resamples of users. Brier skill is the share of the variance
of churn that the probability explains (0: no better than the churn rate, known in advance). ECE is the
expected calibration error: the mean distance of probability and churn rate over ten equally large groups, and
never quite 0, even for a perfect score.
"""


def ranking_section(reports: Reports, facts: Facts, plots: Links) -> str:
    """Return what the score catches among the riskiest users, and at the threshold."""
    report = reports.get("model_report")
    champion = str(facts["candidate"])
    if report is None or np.isnan(Figures(report).value(champion, "lift_at_10")):
        return ""
    figures = Figures(report)
    shares = [("5", "5 %"), ("10", "10 %"), ("20", "20 %")]
    capacity = f"{count(facts['capacity'])} users" if facts.get("capacity") else "contact capacity"
    shares += [("capacity", capacity)] if (champion, "lift_at_capacity") in figures.found else []
    rows = [
        [
            words,
            figures.words(champion, f"recall_at_{share}"),
            figures.words(champion, f"lift_at_{share}"),
            figures.words(champion, f"lift_at_{share}_over_recency", signed=True),
        ]
        for share, words in shares
    ]
    text = f"""
### Contacting the riskiest first

{table(["riskiest", "churners among them (recall)", "lift", "lift over recency"], rows)}
{picture(plots, "gain", "Share of churners reached against share of users contacted")}
{picture(plots, "lift", "Lift against share of users contacted")}
"""
    threshold = figures.value(champion, "threshold")
    if np.isnan(threshold):
        return text
    rule = RULE_WORDS.get(str(facts.get("threshold_rule", "base_rate")), str(facts.get("threshold_rule")))
    rows = [
        [
            name_of(name),
            *(figures.words(name, metric) for metric in ("accuracy", "precision", "recall", "f1")),
        ]
        for name in (champion, RECENCY_RULE)
        if not np.isnan(figures.value(name, "accuracy"))
    ]
    return f"""{text}
### Yes or no

From a probability of {number(threshold)} on, a user is called a churner: the threshold {rule}. The recency
rule has a threshold of its own, chosen the same way.

{table(["candidate", "accuracy", "precision", "recall", "F1"], rows[: 1 if champion == RECENCY_RULE else 2])}
"""


def backtest_section(reports: Reports, facts: Facts, plots: Links) -> str:
    """Return how the same recipe would have done at every past test snapshot."""
    backtest = reports.get("model_backtest")
    if backtest is None:
        return ""
    champion, rows, ahead, clearly = str(facts["candidate"]), [], 0, 0
    for day, group in backtest.sort_values("as_of_date").groupby("as_of_date"):
        figures, first = Figures(group), group.iloc[0]
        ahead += figures.value(champion, "roc_auc_over_recency") > 0
        clearly += figures.is_above_noise(champion, "roc_auc_over_recency")
        rows.append(
            [
                str(day)[:10],
                count(first["users"]),
                percent(first["churn_rate"]),
                count(first["training_rows"]),
                figures.words(champion, "roc_auc"),
                figures.words(champion, "roc_auc_over_recency", signed=True),
                figures.words(champion, "brier_skill", bare=True),
                figures.words(champion, "ece", bare=True),
            ]
        )
    header = ["snapshot", "users", "churned", "learnt from", "ROC AUC", "over recency", "Brier skill", "ECE"]
    compared = (
        f" It was ahead of the recency rule on {ahead} of {len(rows)}, on {clearly} by more than chance."
        if champion != RECENCY_RULE
        else ""
    )
    return f"""
## In the past

At each of these snapshots the same recipe was fitted again on what was known that evening, and judged by what
came after.{compared}

{table(header, rows)}
{picture(plots, "backtest", "ROC AUC and calibration error over time")}
"""


def calibration_section(reports: Reports, facts: Facts, plots: Links) -> str:
    """Return whether the probabilities can be taken at their word."""
    report = reports.get("model_report")
    champion = str(facts["candidate"])
    if report is None or np.isnan(Figures(report).value(champion, "ece")):
        return ""
    figures = Figures(report)
    how = f" by {facts['calibration']}" if facts.get("calibration") else ""
    return f"""
## Can the probabilities be taken at their word?

They are calibrated{how} on users that the model had not seen when it scored them. Expected calibration error
on the test: {figures.words(champion, "ece_before")} before, {figures.words(champion, "ece")} after; Brier
score {figures.words(champion, "brier")}.
{picture(plots, "reliability", "Churn rate against mean score, before and after calibration")}
{picture(plots, "score_distribution", "Distribution of the churn probabilities")}
"""


def slices_section(reports: Reports, facts: Facts) -> str:
    """Return the score's quality for parts of the population, small ones marked."""
    slices = reports.get("model_slices")
    if slices is None:
        return ""
    champion = str(facts["candidate"])
    mine = slices[slices["candidate"] == champion] if "candidate" in slices.columns else slices
    rows = []
    groups = mine.groupby(["slice_name", "slice_value"])
    for (name, value), group in sorted(groups, key=lambda one: _place(*map(str, one[0]))):
        figures, first = Figures(group.assign(candidate=champion)), group.iloc[0]
        label = EVERYBODY if name == EVERYBODY else f"{name_of(str(name))}: {value}"
        rows.append(
            [
                f"*{label}* (small)" if first["is_small"] else label,
                count(first["users"]),
                percent(first["churned"] / first["users"]),
                figures.words(champion, "roc_auc"),
                figures.words(champion, "roc_auc_over_recency", signed=True),
                figures.words(champion, "brier_skill", bare=True),
                figures.words(champion, "ece", bare=True),
            ]
        )
    return f"""
## For whom it works

A slice with fewer than {FEWEST_USERS} users, or fewer than {FEWEST_PER_CLASS} of either kind, is small: its
figures would be chance, so none are given. Among many slices one looks bad by chance; look at the interval
first.

{table(["slice", "users", "churned", "ROC AUC", "over recency", "Brier skill", "ECE"], rows)}
"""


def _place(name: str, value: str) -> tuple[bool, str, int, str]:
    """Return what orders slices: everybody first, spans of days by their beginning, the rest by name."""
    begin = re.match(r"\d+", value)
    return name != EVERYBODY, name, int(begin[0]) if begin else 0, value


def _tested(facts: Facts) -> str:
    day = facts.get("test_as_of_date") or NOTHING
    return {
        "out_of_time": f"Judged on the snapshot of {day} by models that knew nothing later.",
        "other_users": f"Judged on users of the snapshot of {day} by models of other users.",
    }.get(str(facts.get("compared_on", "out_of_time")), "Not judged.")

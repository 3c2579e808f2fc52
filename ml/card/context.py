"""What is behind the figures and around them: importance, tiers, more data, other definitions, limits."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from ml.card.words import Figures, count, interval, name_of, number, percent, picture, table
from ml.importance import WHOLE_THEME

Reports = Mapping[str, pd.DataFrame]
Facts = Mapping[str, Any]
Links = Mapping[str, str]
INPUTS_TOLD = 15
TIER_ORDER = {"high": 0, "medium": 1, "low": 2}
MODE_WORDS = {
    "cutoff": "by churn probability, with the cut-offs of the seed `risk_tier_cutoffs`",
    "capacity": "by capacity: the riskiest users, as many as can be contacted in a day",
    "expected_value": "by expected value: what a contact is expected to bring, less what it costs",
}


def importance_section(reports: Reports, facts: Facts, plots: Links) -> str:
    """Return what the model looks at, and how reasons are given."""
    importance = reports.get("model_importance")
    reasons = "\n".join(f"- {line}" for line in facts.get("reasons", ()))
    if importance is None:
        return f"## What it looks at\n\n{reasons}" if reasons else ""
    parts = []
    for is_theme, header in ((True, "theme (all its inputs)"), (False, "input")):
        rows = importance[(importance["feature"] == WHOLE_THEME) == is_theme]
        rows = rows.nsmallest(INPUTS_TOLD, "importance_rank")
        cells = [
            [
                name_of(row.theme) if is_theme else f"`{row.feature}`",
                *([] if is_theme else [name_of(row.theme)]),
                interval(row.importance, row.lower, row.upper, signed=True),
            ]
            for row in rows.itertuples()
        ]
        columns = [header, "loss of ROC AUC"] if is_theme else [header, "theme", "loss of ROC AUC"]
        parts += [table(columns, cells)] if cells else []
    told = "\n\n".join(parts)
    alone = importance[importance["feature"] != WHOLE_THEME]
    ignored = int(alone[["importance", "lower", "upper"]].eq(0).all(axis="columns").sum())
    shuffled = f"{count(len(alone) - ignored)} inputs were shuffled, those that contribute most"
    shuffled += f"; {count(ignored)} more are ignored by the model." if ignored else "."
    return f"""
## What it looks at

What the ranking on the test loses when a theme, or one input, is shuffled among the users. Inputs that say
much the same stand in for each other, so single inputs look less important than they are together. It tells
what the model uses, not what makes users leave. {shuffled}

{told}
{picture(plots, "importance", "Loss of ROC AUC when themes and inputs are shuffled")}

{reasons}
"""


def tiers_section(reports: Reports, facts: Facts) -> str:
    """Return what the way tiers are made amounts to, on the newest day that the model scored."""
    tiers = reports.get("tier_consequences")
    if tiers is None or "model_version" not in tiers.columns:
        return ""
    mine = tiers[tiers["model_version"] == facts["model_version"]]
    if mine.empty:
        return ""
    newest = mine[mine["as_of_date"] == mine["as_of_date"].max()]
    newest = newest.sort_values("risk_tier", key=lambda tier: tier.map(TIER_ORDER))
    mode, day = str(newest["tier_mode"].iloc[0]), str(newest["as_of_date"].iloc[0])[:10]
    how = MODE_WORDS.get(mode, mode)
    rows = [
        [
            row.risk_tier,
            number(row.cutoff),
            count(row.users),
            number(row.expected_churners, 0),
            number(row.expected_precision),
            number(row.expected_recall),
        ]
        for row in newest.itertuples()
    ]
    header = ["tier", "from", "users", "expected churners", "expected precision", "expected recall"]
    return f"""
## What the tiers amount to

Tiers are made {how} (seed `tier_policy`); warnings may raise a user. On {day}, if the probabilities
are right:

{table(header, rows)}
"""


def learning_curve_section(reports: Reports, plots: Links) -> str:
    """Return what more data would give."""
    curve = reports.get("model_learning_curve")
    if curve is None or not (curve["metric"] == "roc_auc").any():
        return ""
    rows = curve[curve["metric"] == "roc_auc"].sort_values(["training_rows", "snapshots"])
    told = [
        [count(row.training_rows), row.snapshots, row.history_days, interval(row.value, row.lower, row.upper)]
        for row in rows.itertuples()
    ]
    most, half = rows.iloc[-1], rows[rows["training_rows"] <= rows["training_rows"].max() * 0.6]
    gain = ""
    if len(half):
        before = half.iloc[-1]
        step = most["value"] - before["value"]
        gain = (
            f" From {count(before['training_rows'])} to {count(most['training_rows'])} rows the ROC AUC went "
            f"from {number(before['value'])} to {number(most['value'])} ({number(step, signed=True)})."
        )
    return f"""
## What more data would give

The same recipe on fewer snapshots and on fewer users, on the same test.{gain}

{table(["rows learnt from", "snapshots", "days back", "ROC AUC"], told)}
{picture(plots, "learning_curve", "ROC AUC against snapshots and rows learnt from")}
"""


def definitions_section(reports: Reports, facts: Facts) -> str:
    """Return how the models of the other definitions did, trained on the same day."""
    report = reports.get("model_report")
    if report is None or "definition_id" not in report.columns:
        return ""
    same_day = report["trained_as_of"].astype(str).str[:10] == str(facts["trained_as_of"])[:10]
    rows = []
    for definition_id, group in report[same_day].groupby("definition_id", sort=True):
        chosen = group.loc[group["metric"] == "is_chosen", "candidate"]
        if definition_id == facts["definition_id"] or chosen.empty:
            continue
        newest = group[group["model_version"] == group["model_version"].max()]
        figures, name = Figures(newest), str(chosen.iloc[-1])
        rows.append(
            [
                f"`{definition_id}`",
                name_of(name),
                figures.words(name, "roc_auc"),
                figures.words(name, "roc_auc_over_recency", signed=True),
                figures.words(name, "brier_skill", bare=True),
                figures.words(name, "ece", bare=True),
            ]
        )
    if not rows:
        return ""
    header = ["definition", "chosen", "ROC AUC", "over recency", "Brier skill", "ECE"]
    return f"""
## Other definitions of churn

Built, scored and shown beside it (`churn_scores_by_definition`); they drive no tier.

{table(header, rows)}
"""


def limits_section(reports: Reports, facts: Facts) -> str:
    """Return what the figures cannot promise, with the figures that show it."""
    lines = []
    if facts.get("compared_on") == "other_users":
        lines.append(
            "History is too short for a test in time: candidates were compared on other users of the same "
            "day. A model is usually worse on a later day."
        )
    backtest = reports.get("model_backtest")
    if backtest is not None:
        rates = backtest["churn_rate"]
        lines.append(
            f"The churn rate of the test snapshots lay between {percent(rates.min())} and "
            f"{percent(rates.max())}. The model learns the level of the past: in a season that it has not "
            "seen, probabilities are off by the difference, the ranking much less."
        )
    slices = reports.get("model_slices")
    if slices is not None and slices["is_small"].any():
        small = slices.loc[slices["is_small"], ["slice_name", "slice_value"]].drop_duplicates()
        names = ", ".join(f"{row.slice_value} ({name_of(row.slice_name)})" for row in small.itertuples())
        lines.append(f"Nothing is known of the quality for small slices: {names}.")
    report = reports.get("model_report")
    if report is not None:
        lines.append(
            "Intervals tell what another draw of users on the same day would have given, not what another "
            "season or another shop would."
        )
    lines += [
        "Refunds and corrections that become known later change labels a little; they count from the day on "
        "which they are known.",
        "Where campaigns already reached users, what is predicted is churn with the campaigns as they were.",
    ]
    return "## Limits\n\n" + "\n".join(f"- {line}" for line in lines)

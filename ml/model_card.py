"""The model card: what a model predicts, how well, for whom, and what it must not be used for.

Every figure comes from the report tables; the card only puts them in order and says what they mean.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ml.card.context import (
    definitions_section,
    importance_section,
    learning_curve_section,
    limits_section,
    tiers_section,
)
from ml.card.quality import (
    backtest_section,
    calibration_section,
    candidates_section,
    ranking_section,
    slices_section,
)
from ml.card.words import Figures, count, name_of, percent, table, wrapped
from ml.plots import PLOTS, write_plots

PLOT_FOLDER = "model_card"
PERSONAL = ("country", "region", "city", "language", "gender", "age_years")
OF_ONE_MODEL = (
    "model_report",
    "model_backtest",
    "model_slices",
    "model_importance",
    "model_learning_curve",
    "model_curves",
)


def model_card(
    reports: Mapping[str, pd.DataFrame], facts: Mapping[str, Any], plots: Mapping[str, str] | None = None
) -> str:
    """Return the card of a model as Markdown.

    Parameters
    ----------
    reports : mapping of str to pandas.DataFrame
        The published tables by name: model_report, model_backtest, model_slices, model_importance,
        model_learning_curve, model_curves and tier_consequences. What is absent or empty is left out. Rows
        of other models and definitions may be there.
    facts : mapping
        Required: source (the shop), model_version, candidate, trained_as_of, definition_id, meaning (of
        churned), horizon_days, active_within_days. Optional: label_kind, fewest_paid_days, most_paid_days (of
        the population), compared_on and test_as_of_date (of the test; see `TrainingOutcome`), first_data_day,
        snapshots (days learnt from), training_rows, training_churned, inputs (names of the columns read),
        left_out (column to reason), parameters (setting to value), calibration (in words), threshold_rule,
        capacity (users who can be contacted in a day), reasons (sentences on how reasons are made and how
        faithful they are), tried (sentences on what was tried and what it gave), tried_beside (Markdown that
        follows them), decision (what made it champion), note (what the model says about itself), command
        (that makes the card).
    plots : mapping of str to str, optional
        Links to pictures by name, see `write_plots`.

    Returns
    -------
    str
        The same tables and facts give the same text.
    """
    mine = {
        name: _of_model(frame, facts) if name in OF_ONE_MODEL else frame for name, frame in reports.items()
    }
    known = {name: frame for name, frame in mine.items() if len(frame)}
    pictures = plots or {}
    sections = [
        _head(known, facts),
        _predicts(facts),
        _data(facts),
        candidates_section(known, facts),
        ranking_section(known, facts, pictures),
        backtest_section(known, facts, pictures),
        calibration_section(known, facts, pictures),
        slices_section(known, facts),
        importance_section(known, facts, pictures),
        tiers_section(known, facts),
        learning_curve_section(known, pictures),
        definitions_section(reports, facts),
        _tried(facts),
        limits_section(known, facts),
        _use(facts),
        _again(facts),
    ]
    return "\n\n".join(wrapped(section) for section in sections if section) + "\n"


def write_model_card(reports: Mapping[str, pd.DataFrame], facts: Mapping[str, Any], path: Path) -> list[Path]:
    """Write the card, and its pictures into the folder `model_card` beside it.

    Returns
    -------
    list of Path
        The card and the pictures.
    """
    mine = {name: _of_model(reports[name], facts) for name in OF_ONE_MODEL if name in reports}
    folder = path.parent / PLOT_FOLDER
    pictures = write_plots(mine, str(facts["candidate"]), folder)
    for stale in set(PLOTS) - set(pictures):
        (folder / f"{stale}.png").unlink(missing_ok=True)
    links = {name: f"{PLOT_FOLDER}/{picture.name}" for name, picture in pictures.items()}
    path.write_text(model_card(reports, facts, links), encoding="utf-8")
    return [path, *pictures.values()]


def _of_model(frame: pd.DataFrame, facts: Mapping[str, Any]) -> pd.DataFrame:
    """Return the rows of the card's model and definition; a frame without these columns has no others."""
    for column in ("model_version", "definition_id"):
        if column in frame.columns:
            frame = frame[frame[column] == facts[column]]
    return frame


def _head(reports: Mapping[str, pd.DataFrame], facts: Mapping[str, Any]) -> str:
    champion = str(facts["candidate"])
    rows = [
        ["Shop", f"`{facts['source']}`"],
        ["Model", f"{name_of(champion)}, `{facts['model_version']}`"],
        ["Stands on", f"what was known on the evening of {facts['trained_as_of']}"],
        ["Answers", f"`{facts['definition_id']}`: {facts['meaning']}"],
    ]
    if "model_report" in reports:
        figures = Figures(reports["model_report"])
        rows.append(["ROC AUC", figures.words(champion, "roc_auc")])
        rows.append(
            [
                "Ahead of the recency rule in ROC AUC by",
                figures.words(champion, "roc_auc_over_recency", signed=True),
            ]
        )
        rows.append(["Brier skill", figures.words(champion, "brier_skill")])
        rows.append(["Calibration error", figures.words(champion, "ece")])
    if facts.get("decision"):
        rows.append(["Decision", facts["decision"]])
    text = f"""
# Model card

Made by `{_command(facts)}` from the published tables; do not edit. A figure in brackets is a 95 % interval.

{table(["", ""], rows).replace("---:", "---")}
"""
    return text + (f"\n{facts['note']}\n" if facts.get("note") else "")


def _predicts(facts: Mapping[str, Any]) -> str:
    days = f"{facts['horizon_days']} days after `as_of_date`"
    is_personal = facts.get("label_kind") == "personal"
    window = f"when the user's own window has passed, at most {days}" if is_personal else days
    fewest, most = facts.get("fewest_paid_days") or 1, facts.get("most_paid_days")
    population = f"a paid order in the {facts['active_within_days']} days up to `as_of_date`"
    if most == 1:
        population += " and exactly one day with a paid order in life"
    elif fewest > 1 or most:
        population += (
            f" and at least {fewest}{f', at most {most},' if most else ''} days with a paid order in life"
        )
    return f"""
## What it predicts

For every eligible user the probability of having churned {window}:
{facts["meaning"]}. It is a probability, not a rank: of 100 users scored 0.70, about 70 should churn.

- **Eligible** is who has {population}. Who is not is not scored: that user has churned already, or is not
  asked about.
- A user who is no longer delivered counts as churned.
- Only what had happened and was known by the end of `as_of_date` is read.
- A label is learnt from only when its whole window has passed.
"""


def _data(facts: Mapping[str, Any]) -> str:
    lines = []
    if facts.get("first_data_day"):
        lines.append(f"- Data begin on {facts['first_data_day']}.")
    if facts.get("snapshots"):
        days = sorted(map(str, facts["snapshots"]))
        lines.append(f"- Learnt from {len(days)} snapshots, from {days[0]} to {days[-1]}: {', '.join(days)}.")
    if facts.get("training_rows"):
        rows = facts["training_rows"]
        churned = facts.get("training_churned")
        share = f", {percent(churned / rows)} of them churned" if churned is not None else ""
        lines.append(f"- {count(rows)} rows{share}. A user is there once per snapshot.")
    if facts.get("inputs"):
        lines.append(f"- {count(len(facts['inputs']))} columns of `user_features` are read.")
    if facts.get("left_out"):
        reasons: dict[str, list[str]] = {}
        for name, reason in sorted(facts["left_out"].items()):
            reasons.setdefault(reason, []).append(f"`{name}`")
        left_out = "; ".join(f"{', '.join(names)} ({reason})" for reason, names in sorted(reasons.items()))
        lines.append(f"- Left out, because they carry nothing here: {left_out}.")
    if facts.get("parameters"):
        settings = ", ".join(f"{name} = {value}" for name, value in sorted(facts["parameters"].items()))
        lines.append(f"- Settings found by the search: {settings}.")
    return "## What it learnt from\n\n" + "\n".join(lines) if lines else ""


def _tried(facts: Mapping[str, Any]) -> str:
    told = "\n".join(f"- {line}" for line in facts.get("tried", ()))
    parts = [part for part in (told, facts.get("tried_beside", "")) if part]
    return "\n\n".join(["## What was tried", *parts]) if parts else ""


def _use(facts: Mapping[str, Any]) -> str:
    personal = [f"`{name}`" for name in facts.get("inputs", ()) if name in PERSONAL]
    told = (
        f"Among the inputs are attributes of the person ({', '.join(personal)}). Whether they may be used is "
        "for the shop to decide, with its law and its users in mind."
        if personal
        else ""
    )
    return f"""
## What it is for, and what not

For choosing whom a shop talks to so that they stay: a reminder, a call, a better service. A person decides
what is offered and can see the reasons.

Not for prices, credit, terms, access to service, or anything that takes something from a user: the score says
how likely somebody is to buy again, nothing about a person's worth or honesty. Not for people who objected to
profiling: they must not be scored at all. Not for another shop: it was fitted on this one.

{told}

A score is no effect. It says who is likely to leave, not whom a contact would keep; that takes a holdout.
Users who act on what they are sent change what the next model learns, so campaigns must be known to the
warehouse.
"""


def _again(facts: Mapping[str, Any]) -> str:
    return f"""
## How to make it again

    {_command(facts)}

The same deliveries, dates and code give the same model, figures and pictures: every seed is fixed,
and nothing reads a clock. What the columns mean is in the published tables
(`select * from duckdb_columns()`), what the words mean in docs/glossary.md.
"""


def _command(facts: Mapping[str, Any]) -> str:
    return str(facts.get("command") or f"make model-card SOURCE={facts['source']}")

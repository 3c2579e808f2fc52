"""What the model card says beside the report tables: read from a model's metadata and its definition."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ml.candidates import RECENCY_RULE
from ml.card.words import Figures, name_of, number, percent
from ml.explanation import FAITHFUL, REASONS
from ml.shap_agreement import Agreement
from warehouse.definitions import Definition
from warehouse.ledger import ModelDecision

CALIBRATIONS = {
    "sigmoid": "a sigmoid of the log-odds (Platt's method)",
    "isotonic": "a rising step-wise line over the log-odds (isotonic regression)",
}
# Candidates that a reader would choose between.
LEADERS = 5


def card_facts(
    metadata: Mapping[str, Any],
    definition: Definition,
    *,
    source: str,
    model_version: str,
    capacity: int,
    decision: ModelDecision | None = None,
) -> dict[str, Any]:
    """Return what `ml.model_card.model_card` asks for, as far as a model carries it.

    Parameters
    ----------
    metadata : mapping
        Of the model; see `ml.registry.load_metadata`.
    definition : Definition
        The definition of churn that the model answers.
    source : str
        The shop.
    model_version : str
        The model.
    capacity : int
        Users who can be contacted in a day.
    decision : ModelDecision, optional
        What training came to about the model.
    """
    learnt = [metadata["rows"][day] for day in metadata["training_snapshots"] if day in metadata["rows"]]
    return {
        "source": source,
        "model_version": model_version,
        "candidate": metadata["candidate"],
        "trained_as_of": metadata["trained_as_of"],
        "definition_id": definition.definition_id,
        "meaning": definition.meaning,
        "label_kind": definition.label_kind,
        "horizon_days": metadata["horizon_days"],
        "active_within_days": definition.active_within_days,
        "fewest_paid_days": definition.fewest_paid_days,
        "most_paid_days": definition.most_paid_days,
        "compared_on": metadata["compared_on"],
        "test_as_of_date": metadata["test_as_of_date"],
        "snapshots": metadata["training_snapshots"],
        "training_rows": sum(day["rows"] for day in learnt),
        "training_churned": sum(day["churned"] for day in learnt),
        "inputs": [feature["name"] for feature in metadata["contract"]["features"]],
        "left_out": metadata["contract"]["left_out"],
        "parameters": settings_as_words(metadata["parameters"]),
        "calibration": CALIBRATIONS[metadata["calibrator"]["kind"]],
        "capacity": capacity,
        "note": metadata["note"],
        "decision": f"{decision.verdict}. {decision.reason}" if decision else "",
    }


def settings_as_words(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Return settings by name with three digits; those of a blend's members under the member's name.

    Examples
    --------
    >>> settings_as_words({"share": 0.21455, "boosted_trees": {"max_leaf_nodes": 4}})
    {'share': '0.215', 'boosted_trees.max_leaf_nodes': '4'}
    """
    words: dict[str, str] = {}
    for name, value in parameters.items():
        if isinstance(value, Mapping):
            words |= {f"{name}.{inner}": told for inner, told in settings_as_words(value).items()}
        else:
            words[name] = f"{value:.3g}" if isinstance(value, float) else str(value)
    return words


def reasons_told(agreement: Agreement | None, day: str) -> list[str]:
    """Return sentences on how reasons are made, and how far they agree with Shapley values.

    Parameters
    ----------
    agreement : Agreement or None
        None for a model whose Shapley values take too long.
    day : str
        The day of the users compared.
    """
    told = [
        f"Every scored user gets up to {REASONS} reasons: the themes whose inputs together move the score "
        "furthest, up or down. A theme is named by the input that pulls hardest its way, among those whose "
        "value by itself speaks for that way too, where there are any.",
        "The contributions of all inputs add up to the score's log-odds; on a sample of every scored day "
        f"they must do so within {FAITHFUL:.6f}, or nothing is written.",
    ]
    if agreement is not None:
        told.append(
            f"Beside Shapley values, for {agreement.users:,} users of {day}: the strongest theme is the same "
            f"for {percent(agreement.same_first_theme)}; the themes' order correlates by "
            f"{number(agreement.rank_correlation)} (Spearman, mean over users)."
        )
    return told


def tried_told(metadata: Mapping[str, Any], report: pd.DataFrame) -> list[str]:
    """Return sentences on the search for settings, and on how far the best candidates are apart.

    Parameters
    ----------
    metadata : mapping
        Of the model.
    report : pandas.DataFrame
        Its rows of `model_report`.
    """
    return [*_searched(metadata["search"]), *_apart(Figures(report))]


def _searched(search: Mapping[str, Any]) -> list[str]:
    trials: Mapping[str, int] = search["trials"]
    if not trials:
        return ["No settings were searched: every candidate was taken as it comes."]
    states = ", ".join(f"{count} {state}" for state, count in sorted(trials.items()))
    told = [f"Settings: {sum(trials.values())} trials ({states}), judged on {search['validated_on']}."]
    better = []
    for name, found in sorted(search["parameters"].items()):
        words = ", ".join(f"{key} = {value}" for key, value in settings_as_words(found).items())
        better += [f"{name_of(name)} ({words})"] if words else []
    if better:
        told.append(f"Better than the defaults by more than noise: {'; '.join(better)}.")
    else:
        told.append("None was better than the defaults by more than noise.")
    return told


def _apart(figures: Figures) -> list[str]:
    names = [name for name, metric in figures.found if metric == "roc_auc" and name != RECENCY_RULE]
    ranked = sorted(names, key=lambda name: figures.value(name, "roc_auc"), reverse=True)
    leaders: Sequence[str] = ranked[:LEADERS]
    if len(leaders) < 2:
        return []
    best, last = (figures.value(name, "roc_auc") for name in (leaders[0], leaders[-1]))
    _, lower, upper = figures.found[leaders[0], "roc_auc"]
    told = (
        f"The best {len(leaders)} of {len(ranked)} candidates beside the recency rule lie within "
        f"{number(best - last)} of each other in ROC AUC ({', '.join(map(name_of, leaders))}), where the "
        f"interval of the first is {number(upper - lower)} wide."
    )
    if best - last < (upper - lower) / 2:
        told += " Another kind of model gives little here; what these inputs can tell is nearly used up."
    return [told]

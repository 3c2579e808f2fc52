"""Two registered models side by side: what they are, how good they were, what they read, what made them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ml.registry import load_metadata

METRICS = {
    "roc_auc": "ROC-AUC",
    "pr_auc": "PR-AUC",
    "log_loss": "log loss",
    "brier_skill": "Brier skill",
    "ece": "calibration error",
    "lift_at_10": "lift at 10 %",
    "recall_at_20": "recall at 20 %",
}
NOTHING = "-"
NAMES_AT_MOST = 6


def compare_models(first: str, second: str, models: Path) -> pd.DataFrame:
    """Return what two models have in common and where they differ.

    Parameters
    ----------
    first, second : str
        Versions.
    models : Path
        The folder of all models.

    Returns
    -------
    pandas.DataFrame
        what, first, second (texts) and is_different; one row per fact.

    Raises
    ------
    DamagedFile
        If a model is not there or its signature does not fit.
    """
    one, other = (load_metadata(model_version, models) for model_version in (first, second))
    rows = [
        ("definition", _said(one, "definition_id"), _said(other, "definition_id")),
        ("candidate", _said(one, "candidate"), _said(other, "candidate")),
        ("settings", _settings(one), _settings(other)),
        ("trained as of", _said(one, "trained_as_of"), _said(other, "trained_as_of")),
        ("learnt from", _learnt_from(one), _learnt_from(other)),
        ("tested on", _tested_on(one), _tested_on(other)),
        *((word, _metric(one, name), _metric(other, name)) for name, word in METRICS.items()),
        ("inputs", *_inputs(one, other)),
        *_environments(one, other),
        ("code", _said(one, "code_version"), _said(other, "code_version")),
        ("note", _said(one, "note"), _said(other, "note")),
    ]
    frame = pd.DataFrame(rows, columns=["what", "first", "second"])
    return frame.assign(is_different=frame["first"] != frame["second"])


def comparison_text(frame: pd.DataFrame, first: str, second: str) -> str:
    """Return a comparison for a person; rows that differ are marked."""
    width = max(len(text) for text in [first, *frame["first"]])
    left = max(map(len, frame["what"]))
    lines = [f"  {'':<{left}}  {first:<{width}}  {second}"]
    for row in frame.itertuples():
        mark = "≠" if row.is_different else " "
        lines.append(f"{mark} {row.what:<{left}}  {row.first:<{width}}  {row.second}")
    tests = set(frame.loc[frame["what"] == "tested on", ["first", "second"]].to_numpy().ravel())
    if len(tests) > 1:
        lines.append("They were tested on different users: look at their decisions for a fair comparison.")
    return "\n".join(line.rstrip() for line in lines)


def headline(metadata: Mapping[str, Any], name: str = "roc_auc") -> str:
    """Return a figure of a model's own candidate with its interval; "-" if it was never tested."""
    return _metric(metadata, name)


def _said(metadata: Mapping[str, Any], key: str) -> str:
    return str(metadata.get(key) or NOTHING)


def _settings(metadata: Mapping[str, Any]) -> str:
    """Return settings as words; a candidate made of others has settings of theirs."""
    found = metadata.get("parameters") or {}
    told = (
        f"{name} {f'{value:.4g}' if isinstance(value, float) else value}" for name, value in found.items()
    )
    return ", ".join(sorted(told)) or "as they come"


def _learnt_from(metadata: Mapping[str, Any]) -> str:
    snapshots = sorted(metadata.get("training_snapshots") or [])
    if not snapshots:
        return NOTHING
    rows = sum(metadata["rows"].get(day, {}).get("rows", 0) for day in snapshots)
    return f"{rows:,} rows of {len(snapshots)} snapshots, {snapshots[0]} to {snapshots[-1]}"


def _tested_on(metadata: Mapping[str, Any]) -> str:
    day = metadata.get("test_as_of_date")
    return f"{day}, {str(metadata['compared_on']).replace('_', ' ')}" if day else NOTHING


def _metric(metadata: Mapping[str, Any], name: str) -> str:
    for row in metadata.get("metrics") or []:
        if (row["candidate"], row["metric"]) == (metadata["candidate"], name):
            return f"{row['value']:.4f} ({row['lower']:.4f} to {row['upper']:.4f})"
    return NOTHING


def _inputs(one: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[str, str]:
    mine, theirs = ({row["name"] for row in each["contract"]["features"]} for each in (one, other))

    def told(names: set[str], only: set[str]) -> str:
        if not only:
            return f"{len(names)}"
        shown = sorted(only)[:NAMES_AT_MOST]
        more = f" and {len(only) - len(shown)} more" if len(only) > len(shown) else ""
        return f"{len(names)}, only here: {', '.join(shown)}{more}"

    return told(mine, mine - theirs), told(theirs, theirs - mine)


def _environments(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return one row per library or machine that differs, or a single row when none does."""
    mine, theirs = _flat(one), _flat(other)
    different = [
        (name, mine.get(name, NOTHING), theirs.get(name, NOTHING))
        for name in sorted({*mine, *theirs})
        if mine.get(name) != theirs.get(name)
    ]
    return different or [("made with", "the same libraries", "the same libraries")]


def _flat(metadata: Mapping[str, Any]) -> dict[str, str]:
    made_with = metadata.get("environment") or {}
    others = {name: str(value) for name, value in made_with.items() if name != "libraries"}
    return {**made_with.get("libraries", {}), **others}

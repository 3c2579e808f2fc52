"""Models and decisions as text for a person."""

from collections.abc import Sequence

from ml.model_comparison import NOTHING, headline
from ml.registry import load_metadata
from warehouse.errors import DamagedFile
from warehouse.ledger import Ledger, Model, ModelDecision
from warehouse.settings import Settings

VERDICTS = {"rolled_back": "rolled back"}


def models_text(settings: Settings, ledger: Ledger, definition_id: str | None = None) -> str:
    """Return every model of the shop, oldest first; the champion of each definition is marked.

    Signatures are verified. A model whose file is missing or damaged says so in place of its AUC.
    """
    models = ledger.models(settings.source, definition_id)
    if not models:
        return f"No model of {settings.source} yet: `python -m ml train --as-of <day>`"
    decisions = ledger.model_decisions(settings.source)
    header = ("", "model", "status", "trained as of", "candidate", "ROC-AUC out of time (95 %)")
    lines = []
    for definition in sorted({model.definition_id for model in models}):
        own = [model for model in models if model.definition_id == definition]
        rows = [header, *(_row(settings, model) for model in own)]
        pinned = _pinned(decisions, definition)
        lines += ["", definition + (f", {pinned} is pinned" if pinned else ""), *_columns(rows)]
    return "\n".join(lines[1:])


def decisions_text(decisions: Sequence[ModelDecision]) -> str:
    """Return decisions, oldest first: for which day, of which definition, what, who and why."""
    if not decisions:
        return "Nothing was decided yet: `python -m ml train --as-of <day>`"
    lines = []
    for decision in decisions:
        verdict = VERDICTS.get(decision.verdict, decision.verdict)
        before = f" (champion before: {decision.champion})" if decision.champion else ""
        lines += [
            f"{decision.decision_number:>4}  {decision.decided_for}  {decision.definition_id}  "
            f"{verdict} {decision.challenger}{before}, by {decision.decided_by} on "
            f"{decision.decided_at:%Y-%m-%d %H:%M} UTC",
            f"      {decision.reason}",
        ]
    return "\n".join(lines)


def _row(settings: Settings, model: Model) -> tuple[str, ...]:
    try:
        metadata = load_metadata(model.model_version, settings.models)
        auc = headline(metadata)
        if auc == NOTHING:
            auc = "not tested: " + (metadata.get("note") or "nothing to compare on")
    except DamagedFile as damage:
        auc = f"cannot be used: {damage.what}"
    mark = "*" if model.status == "champion" else ""
    return (mark, model.model_version, model.status, str(model.trained_as_of), model.kind, auc)


def _pinned(decisions: Sequence[ModelDecision], definition_id: str) -> str:
    """Return the model whose pin is the latest word on pins, or nothing."""
    pins = [
        decision
        for decision in decisions
        if decision.definition_id == definition_id and decision.verdict in ("pinned", "unpinned")
    ]
    return pins[-1].challenger if pins and pins[-1].verdict == "pinned" else ""


def _columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]

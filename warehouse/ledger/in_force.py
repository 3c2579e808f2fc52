"""Which decision on a champion is in force on a day: read off the list of decisions, nothing else.

The rules, strongest first:

1. A pin holds from its day on, until a later pin or unpinning that starts on the day in question or before.
2. Otherwise the newest promotion counts: the latest decided_for, then the latest decision. An unpinning
   counts as one: the model that was pinned stays champion until a challenger beats it.
3. A model that was rolled back or withdrawn does not count, on any day. Days scored with it before keep it,
   because they are pinned to it in `model_uses`.
"""

from collections.abc import Collection, Iterable
from datetime import date

from warehouse.ledger.records import ModelDecision


def decision_in_force(
    decisions: Iterable[ModelDecision], as_of_date: date, withdrawn: Collection[str] = ()
) -> ModelDecision | None:
    """Return the decision that makes its challenger the champion of a day, or None.

    Parameters
    ----------
    decisions : iterable of ModelDecision
        Every decision of one source and definition.
    as_of_date : date
        The day asked about; later decisions do not count.
    withdrawn : collection of str
        Models that may not score.
    """
    every = list(decisions)
    started = [decision for decision in every if decision.decided_for <= as_of_date]
    removed_at = _removed_at(every)

    def counts(decision: ModelDecision) -> bool:
        later_than_rollback = decision.decision_number > removed_at.get(decision.challenger, 0)
        return later_than_rollback and decision.challenger not in withdrawn

    pins = [decision for decision in started if decision.verdict in ("pinned", "unpinned")]
    newest_pin = max(pins, key=lambda decision: decision.decision_number, default=None)
    if newest_pin is not None and newest_pin.verdict == "pinned" and counts(newest_pin):
        return newest_pin
    promotions = [
        decision for decision in started if decision.verdict in ("promoted", "unpinned") and counts(decision)
    ]
    return max(
        promotions, key=lambda decision: (decision.decided_for, decision.decision_number), default=None
    )


def rolled_back_models(decisions: Iterable[ModelDecision]) -> frozenset[str]:
    """Return the models that a rollback removed and that no later pin brought back."""
    every = list(decisions)
    return frozenset(
        removed
        for removed, number in _removed_at(every).items()
        if not any(
            decision.verdict == "pinned"
            and decision.challenger == removed
            and decision.decision_number > number
            for decision in every
        )
    )


def _removed_at(decisions: Iterable[ModelDecision]) -> dict[str, int]:
    """Return the number of the latest rollback that removed each model."""
    return {
        decision.champion: decision.decision_number
        for decision in sorted(decisions, key=lambda one: one.decision_number)
        if decision.verdict == "rolled_back" and decision.champion is not None
    }

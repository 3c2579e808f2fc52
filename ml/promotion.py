"""Whether a challenger becomes champion.

How the caller uses it::

    champion = ledger.champion_for(source, definition_id, trained_as_of)          # Model or None
    verdict = judge_challenger(Evidence(challenger=…, churned=…, challenger_scores=…, …))
    ledger.record_decision(model_version, verdict.verdict, verdict.reason,
                           judged_against=champion and champion.model_version, figures=verdict.figures)
    # Busy: the champion changed meanwhile; judge again

Both scores must be out of time for the test snapshot: given by models that learnt only from labels complete
on its evening. A champion trained after that evening has learnt from users and weeks that overlap the test,
and would look better than it is; fit its recipe (the candidate and the parameters of its metadata) again on
the contest's training snapshots and pass the scores of that.

The rules, in this order:

1. Refused, because it is unsound: an alarm for a leak, inputs that do not fit the feature table, scores that
   are no probabilities, too few users to tell, or, where there is a champion, a calibration error above what
   is allowed: .06, or what chance explains for so few users, or the champion's and the noise of comparing.
2. Without a champion: the recency rule is promoted, and so is any model that beats it by more than noise.
   Where users are too few to tell, the recency rule also replaces a champion that is not well (see 5).
3. Kept, if it is worse than the champion by more than noise, on a large slice or on the whole, in ROC-AUC or
   log loss (on the whole, Brier score too).
4. Promoted, if it is better than the champion by more than noise: in ROC-AUC, or in both log loss and Brier
   score. Equal is not better.
5. Promoted as a refreshment, if the champion is not well (trained more than 56 days ago, or an alarm for
   drift or calibration is open) and the challenger is not worse by more than noise.
6. Kept otherwise.

Rule 5 is there because a champion that can only be beaten would grow old for ever. Trained again on newer
data, the same recipe is as good on a test as it was before, so no challenger of its kind ever beats it by
more than noise, while the shop moves away from what it has learnt. An equal that knows the newer weeks is
worth having; a week after the last training it is not worth another change of every user's probability.

Differences are told as challenger minus champion with their 95 % interval over resamples of users, the same
ones for both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.features import FeatureContract, check_schema
from ml.paired_comparison import (
    JUDGED,
    WORDS,
    Difference,
    compare_scores,
    is_too_few,
    largest_honest_calibration_error,
    slice_differences,
)
from warehouse.errors import ContractBreach

Floats = NDArray[np.float64]
# Two months: by then a weekly challenger has seen eight more weeks, two of its snapshots.
OLDEST_CHAMPION_DAYS = 56
LARGEST_CALIBRATION_ERROR = 0.06


@dataclass(frozen=True)
class Evidence:
    """What is known of a challenger, and of the champion, when they are judged.

    Attributes
    ----------
    challenger : str
        Its version, for the reason.
    churned : array, shape (users,)
        Labels of the newest mature snapshot; empty if nothing could be compared.
    challenger_scores : array, shape (users,)
        Probabilities out of time.
    recency_scores : array, shape (users,)
        Those of the recency rule.
    is_recency_rule : bool
        Whether the challenger is that rule itself.
    champion : str or None
        The champion's version.
    champion_scores : array or None
        Its probabilities for the same users, out of time like the challenger's.
    champion_age_days : int
        Days from its trained_as_of to the challenger's.
    champion_alarms : sequence of str
        Open alarms for drift or calibration.
    contract_faults : sequence of str
        Where the challenger's inputs do not fit the feature table; see `contract_faults`.
    leak_alarms : sequence of str
        See `ml.leakage`.
    slices : mapping of str to pandas.Series
        The value of each user by slice name; see `ml.slices.slice_values`.
    test_as_of_date : date or None
        The snapshot.
    note : str
        What a reader must know, for instance that there was too little data; begins the reason.
    seed : int
        Of the resamples.
    """

    challenger: str
    churned: NDArray[np.int64]
    challenger_scores: Floats
    recency_scores: Floats
    is_recency_rule: bool = False
    champion: str | None = None
    champion_scores: Floats | None = None
    champion_age_days: int = 0
    champion_alarms: Sequence[str] = ()
    contract_faults: Sequence[str] = ()
    leak_alarms: Sequence[str] = ()
    slices: Mapping[str, pd.Series] = field(default_factory=dict)
    test_as_of_date: date | None = None
    note: str = ""
    seed: int = 0


@dataclass(frozen=True)
class Verdict:
    """What became of a challenger.

    Attributes
    ----------
    verdict : str
        promoted, kept (the champion stays) or refused.
    reason : str
        In words, with numbers.
    figures : dict
        What it rests on; plain values.
    """

    verdict: str
    reason: str
    figures: dict[str, Any]


def contract_faults(schema: Sequence[tuple[str, str]], contract: FeatureContract) -> tuple[str, ...]:
    """Return where a model's inputs do not fit a feature table; empty when they do."""
    try:
        check_schema(schema, contract)
    except ContractBreach as breach:
        return (str(breach.value),)
    return ()


def judge_challenger(evidence: Evidence) -> Verdict:
    """Decide by the rules of this module.

    Parameters
    ----------
    evidence : Evidence
        Scores of champion and challenger on the same users, alarms and faults.

    Returns
    -------
    Verdict
    """
    figures: dict[str, Any] = {
        "test_as_of_date": str(evidence.test_as_of_date) if evidence.test_as_of_date else None,
        "users": len(evidence.churned),
        "churned": int(evidence.churned.sum()),
        "champion": evidence.champion,
        "champion_age_days": evidence.champion_age_days if evidence.champion else None,
        "champion_alarms": list(evidence.champion_alarms),
    }
    verdict, reason = _judge(evidence, figures)
    return Verdict(verdict, " ".join(filter(None, (evidence.note, reason))), figures)


def _judge(evidence: Evidence, figures: dict[str, Any]) -> tuple[str, str]:
    unsound = _faults(evidence)
    if unsound:
        return "refused", " ".join(unsound)
    if evidence.champion is None and evidence.is_recency_rule:
        return "promoted", "There was no champion: the recency rule scores."
    if is_too_few(evidence.churned):
        return _too_few(evidence)
    incumbent = evidence.recency_scores if evidence.champion_scores is None else evidence.champion_scores
    compared = compare_scores(evidence.churned, evidence.challenger_scores, incumbent, seed=evidence.seed)
    figures["metrics"] = {name: asdict(difference) for name, difference in compared.items()}
    broken = [WORDS[name] for name, difference in compared.items() if not difference.is_number]
    if broken:
        return "refused", f"Not a number: {', '.join(broken)} of {evidence.challenger} or of the incumbent."
    ece = compared["ece"]
    figures["largest_calibration_error"] = allowed = max(
        LARGEST_CALIBRATION_ERROR,
        largest_honest_calibration_error(evidence.challenger_scores),
        ece.incumbent + (ece.upper - ece.lower) / 2,
    )
    # without a champion the alternative is the recency rule: what beats it is not refused for its level
    if ece.challenger > allowed and evidence.champion is not None:
        return "refused", (
            f"Not calibrated: expected calibration error {ece.challenger:.3f}, where {allowed:.3f} is "
            f"allowed for {len(evidence.churned):,} users."
        )
    return _compare(evidence, compared, figures)


def _compare(
    evidence: Evidence, compared: Mapping[str, Difference], figures: dict[str, Any]
) -> tuple[str, str]:
    ahead = {name for name in JUDGED if compared[name].is_ahead}
    is_behind = any(compared[name].is_behind for name in JUDGED)
    is_better = ("roc_auc" in ahead or {"log_loss", "brier"} <= ahead) and not is_behind
    told = f"{', '.join(str(compared[name]) for name in JUDGED)} on {len(evidence.churned):,} users"
    if evidence.test_as_of_date:
        told += f" of {evidence.test_as_of_date}"
    if evidence.champion is None or evidence.champion_scores is None:
        lack = f"{evidence.champion} gives no scores" if evidence.champion else "There is no champion"
        if is_better:
            return "promoted", f"{lack}. Better than the recency rule: {told}."
        return "kept", f"{lack}. Not better than the recency rule by more than noise: {told}."
    differences = slice_differences(
        evidence.churned, evidence.challenger_scores, evidence.champion_scores, evidence.slices
    )
    figures["slices"] = [asdict(difference) for difference in differences]
    worse = [str(difference) for difference in differences if difference.is_worse]
    if worse or is_behind:
        where = f" for {', '.join(worse)}. Overall" if worse else ""
        return "kept", f"Worse than {evidence.champion}{where}: {told}."
    if is_better:
        return "promoted", f"Better than {evidence.champion}: {told}."
    ailments = _ailments(evidence)
    if ailments:
        return "promoted", f"Refreshed, for {' and '.join(ailments)}. It is not worse: {told}."
    return "kept", f"Not better than {evidence.champion} by more than noise: {told}."


def _faults(evidence: Evidence) -> list[str]:
    """Return, as sentences, what makes a challenger unsound whatever it scores."""
    found = [f"Suspected leak: {alarm.rstrip('.')}." for alarm in evidence.leak_alarms]
    found += [
        f"Inputs do not fit the feature table: {fault.rstrip('.')}." for fault in evidence.contract_faults
    ]
    users = len(evidence.churned)
    scores = {evidence.challenger: evidence.challenger_scores, "the recency rule": evidence.recency_scores}
    if evidence.champion is not None and evidence.champion_scores is not None:
        scores[evidence.champion] = evidence.champion_scores
    for name, values in scores.items():
        if len(values) != users:
            found.append(f"{len(values)} scores of {name} for {users} users.")
        wrong = int((~((values >= 0) & (values <= 1))).sum())
        if wrong:
            found.append(f"{wrong} of {len(values)} scores of {name} are no probabilities.")
    return found


def _too_few(evidence: Evidence) -> tuple[str, str]:
    users, churners = len(evidence.churned), int(evidence.churned.sum())
    counted = f"{users} test users, {churners} churned and {users - churners} not, are too few to tell"
    ailments = _ailments(evidence)
    if not evidence.is_recency_rule:
        return "refused", f"{counted}."
    if ailments:
        return "promoted", f"Refreshed, for {' and '.join(ailments)}: the recency rule needs no comparison."
    return "kept", f"{counted}: {evidence.champion} stays."


def _ailments(evidence: Evidence) -> list[str]:
    """Return why the champion should be refreshed; empty if it is well."""
    if evidence.champion is None:
        return []
    found = []
    if evidence.champion_age_days > OLDEST_CHAMPION_DAYS:
        found.append(f"{evidence.champion} was trained {evidence.champion_age_days} days ago")
    return found + [f"{evidence.champion} has an alarm ({alarm})" for alarm in evidence.champion_alarms]

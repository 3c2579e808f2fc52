"""Who scores best: every candidate on the same snapshots, one winner, and whether it can be trusted.

The winner is the candidate with the smallest log loss on the training snapshots, each row scored by a model
that was fitted on other users. The test snapshot chooses nothing: it only says how good the candidates are on
a later day, and the winner must beat the recency rule there by more than noise, or the rule scores.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml.backtest import Entrant, JudgedSnapshot
from ml.calendar import SnapshotPlan
from ml.candidates import RECENCY_COLUMN, RECENCY_RULE, Candidate, candidate_named
from ml.dataset import Snapshots
from ml.evaluation import Metric, evaluate
from ml.ground import Ground
from ml.leakage import refuse_leaking_features, refuse_leaking_model
from ml.plausibility import implausible_score, largest_gain, plain_rule_scores
from ml.search import SearchOutcome, SearchRules, search
from ml.shuffled_labels import shuffled_label_alarm
from ml.validation import too_little
from warehouse.errors import ContractBreach

Floats = NDArray[np.float64]
Progress = Callable[[str], None]
NOT_SEARCHED = SearchOutcome((), {}, "nothing", "No settings were searched.")


@dataclass(frozen=True)
class Contest:
    """What a contest found.

    Attributes
    ----------
    winner : Entrant
        The candidate to use, with its settings.
    compared_on : str
        out_of_time, other_users (history too short for a test in time) or nothing.
    judged : JudgedSnapshot or None
        What every candidate says of the test snapshot.
    metrics : tuple of Metric
        How good it is there, with intervals and paired differences to the rules.
    search : SearchOutcome
        Which settings were tried.
    leak_alarms : tuple of str
        Why the winner may have seen the outcome; empty when there is no sign of it.
    incumbent_scores : array or None
        What the champion's recipe says of the test snapshot, fitted like the others.
    out : mapping of str to str
        Candidates that did not finish, and why.
    note : str
        What a reader must know; empty when all is well.
    """

    winner: Entrant
    compared_on: str = "nothing"
    judged: JudgedSnapshot | None = None
    metrics: tuple[Metric, ...] = ()
    search: SearchOutcome = NOT_SEARCHED
    leak_alarms: tuple[str, ...] = ()
    incumbent_scores: Floats | None = None
    out: Mapping[str, str] | None = None
    note: str = ""

    @property
    def test(self) -> date | None:
        """The snapshot that the metrics are about."""
        return self.judged.as_of_date if self.judged else None


def no_contest(note: str) -> Contest:
    """Return the recency rule as winner, without having compared anything."""
    return Contest(Entrant(candidate_named(RECENCY_RULE)), note=note)


def hold_contest(
    snapshots: Snapshots,
    plan: SnapshotPlan,
    candidates: Sequence[Candidate],
    *,
    rules: SearchRules,
    seed: int = 0,
    incumbent: Entrant | None = None,
    tables: Mapping[str, str] | None = None,
    journal: Path | None = None,
    capacity: int | None = None,
    shuffles_labels: bool = True,
    progress: Progress = lambda _line: None,
) -> Contest:
    """Compare candidates on a later snapshot, or on other users if history is too short for that.

    Parameters
    ----------
    snapshots : Snapshots
        Labelled rows of the plan's snapshots.
    plan : SnapshotPlan
        Which of them are learnt from and tested on.
    candidates : sequence of Candidate
        Who competes; the recency rule among them.
    rules : SearchRules
        How much may be searched, and how long a fit may take.
    seed : int
        Of everything random.
    incumbent : Entrant, optional
        The champion's recipe: it is fitted and scores like the others, but cannot win.
    tables : mapping of str to str, optional
        The table that each feature is made from; see `ml.plausibility`.
    journal : Path, optional
        Where trials are kept; see `search`.
    capacity : int, optional
        Users who can be contacted in a day.
    shuffles_labels : bool
        Whether the winner is also fitted on shuffled labels, which it must not be able to rank.
    progress : callable
        Takes one line per step.

    Returns
    -------
    Contest

    Raises
    ------
    SuspectedLeak
        If an input or a candidate is too good to be true.
    """
    production = snapshots.on(plan.production)
    strongest = refuse_leaking_features(production, snapshots.features)
    training = snapshots.on(plan.training)
    note = plan.reason
    in_time = plan.test is not None and not too_little(training["churned"].to_numpy())
    if plan.test is not None and not in_time:
        note = "The snapshots before the test are too small: candidates are compared on other users instead."
    learn_from = plan.training if in_time else plan.production
    test = plan.production[0]
    if snapshots.on([test])["churned"].nunique() < 2:
        return no_contest(
            f"Users of the test snapshot {test} are not of both kinds. The recency rule scores."
        )
    found = NOT_SEARCHED
    if in_time:
        found = search(
            training,
            snapshots.features,
            candidates,
            horizon_days=plan.horizon_days,
            rules=rules,
            seed=seed,
            journal=journal,
            progress=progress,
        )
    entrants = [Entrant(one, _settings(one, found.parameters)) for one in candidates]
    ground = Ground(snapshots, test, tuple(learn_from), plan.horizon_days, seed, rules.fit_seconds)
    judged, out = _judge(ground, entrants, progress)
    champion = _incumbent_scores(ground, judged, entrants, incumbent, progress)
    metrics = evaluate(
        judged.churned,
        judged.probability,
        baseline=RECENCY_RULE,
        before=judged.before,
        thresholds=judged.thresholds,
        capacity=capacity,
        seed=seed,
    )
    for name in judged.models:
        auc = next(one.value for one in metrics if (one.candidate, one.metric) == (name, "roc_auc"))
        refuse_leaking_model(name, auc, *strongest)
    winner, why = choose(judged, metrics)
    progress(f"{winner} wins on {test}" + (f": {why}" if why else ""))
    entrant = next(one for one in entrants if one.candidate.name == winner)
    alarms = _leak_alarms(ground, entrant, judged, tables or {}, shuffles_labels=shuffles_labels)
    note = " ".join(part for part in (note, why) if part)
    compared_on = "out_of_time" if in_time else "other_users"
    return Contest(entrant, compared_on, judged, tuple(metrics), found, alarms, champion, out, note)


def choose(judged: JudgedSnapshot, metrics: Sequence[Metric]) -> tuple[str, str]:
    """Return the winner, and why it is the recency rule where that was not the best.

    A candidate with a score or loss that is not a number is out; ties go to the simpler one, which was
    entered first.
    """
    losses = {
        name: float(losses.mean())
        for name, losses in judged.learnt_losses.items()
        if np.isfinite(losses).all() and np.isfinite(judged.probability[name]).all() and name in judged.models
    }
    best = min(losses, key=lambda name: losses[name], default=RECENCY_RULE)
    if best == RECENCY_RULE:
        return RECENCY_RULE, ""
    gained = {one.metric: one for one in metrics if one.candidate == best}
    ranks, fits = gained["roc_auc_over_recency"], gained["log_loss_over_recency"]
    if ranks.lower > 0 or fits.upper < 0:
        return best, ""
    return RECENCY_RULE, (
        f"{best} was the best of the candidates, but on {judged.as_of_date} it does not beat the recency "
        f"rule by more than noise (ROC-AUC {ranks.value:+.3f}, {ranks.lower:+.3f} to {ranks.upper:+.3f}). "
        "The recency rule scores."
    )


def _settings(candidate: Candidate, found: Mapping[str, Mapping[str, object]]) -> Mapping[str, object]:
    """Return what was found for a candidate; a blend's members bring what was found for them."""
    members = {parameter: found[parameter] for parameter in candidate.members if parameter in found}
    return {**members, **found.get(candidate.name, {})}


def _judge(
    ground: Ground, entrants: Sequence[Entrant], progress: Progress
) -> tuple[JudgedSnapshot, dict[str, str]]:
    """Let every candidate score the test snapshot; who fails or takes too long is out."""
    together: JudgedSnapshot | None = None
    out: dict[str, str] = {}
    for number, entrant in enumerate(entrants, start=1):
        name = entrant.candidate.name
        began = time.monotonic()
        judged = ground.try_out(entrant)
        if isinstance(judged, str):
            out[name] = judged
            told = f"out, {judged}"
        else:
            together = judged if together is None else together.joined(judged)
            told = f"log loss {judged.learnt_losses[name].mean():.4f}"
        seconds = time.monotonic() - began
        progress(f"contest {number}/{len(entrants)} {name}: {told} ({seconds:.1f} s)")
        if together is None:
            raise ContractBreach(
                "The recency rule could not be judged", out[name], f"look at the column {RECENCY_COLUMN}"
            )
    assert together is not None  # noqa: S101 -- there is at least the recency rule
    return together, out


def _incumbent_scores(
    ground: Ground,
    judged: JudgedSnapshot,
    entrants: Sequence[Entrant],
    incumbent: Entrant | None,
    progress: Progress,
) -> Floats | None:
    """Return what the champion's recipe says; None if it can no longer be fitted."""
    if incumbent is None:
        return None
    name = incumbent.candidate.name
    if incumbent in entrants:
        return judged.probability.get(name)
    own = ground.try_out(incumbent)
    if isinstance(own, str):
        progress(f"the champion's recipe, {name}, gives no scores: {own}")
        return None
    return own.probability[name]


def _leak_alarms(
    ground: Ground,
    winner: Entrant,
    judged: JudgedSnapshot,
    tables: Mapping[str, str],
    *,
    shuffles_labels: bool,
) -> tuple[str, ...]:
    training = ground.snapshots.on(ground.learn_from)
    features = ground.snapshots.features
    name = winner.candidate.name
    limit = largest_gain(judged.frame[[feature.name for feature in features]], tables)
    plain = plain_rule_scores(training, judged.frame)
    alarms = [implausible_score(name, judged.churned, judged.probability[name], plain, limit=limit)]
    if shuffles_labels:
        alarms.append(
            shuffled_label_alarm(
                winner.candidate,
                training,
                features,
                horizon_days=ground.horizon_days,
                seed=ground.seed,
                parameters=winner.parameters,
            )
        )
    return tuple(alarm for alarm in alarms if alarm)

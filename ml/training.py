"""From labelled snapshots to one model: compare out of time, choose, and fit again on the newest data."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.calendar import SnapshotPlan, plan_snapshots
from ml.calibration import Sigmoid
from ml.candidates import CANDIDATES, RECENCY_COLUMN, RECENCY_RULE, Candidate, RecencyRule, candidate_named
from ml.dataset import Snapshots, load_snapshots
from ml.evaluation import Metric, evaluate
from ml.features import Feature, FeatureContract
from ml.leakage import refuse_leaking_features, refuse_leaking_model
from ml.model import ChurnModel, fit_model

FEWEST_ROWS = 1_000
FEWEST_PER_CLASS = 200
ROWS_AT_MOST = 100_000
GOLDEN_ROWS = 64
Progress = Callable[[str], None]


@dataclass(frozen=True)
class TrainingOutcome:
    """What a training run found and made.

    Attributes
    ----------
    model : ChurnModel
        Fitted on the newest mature snapshots.
    metrics : list of Metric
        Every candidate on the test, with intervals and paired differences to the recency rule.
    plan : SnapshotPlan
        Which snapshots were read.
    compared_on : str
        out_of_time, other_users (history too short for a test in time) or nothing.
    test_as_of_date : date or None
        The snapshot that the metrics are about.
    counts : dict
        Rows and churned users per snapshot.
    golden_rows : pandas.DataFrame
        Inputs, as read, of some training rows, and the probability `expected` for each.
    """

    model: ChurnModel
    metrics: list[Metric]
    plan: SnapshotPlan
    compared_on: str
    test_as_of_date: date | None
    counts: dict[str, dict[str, int]]
    golden_rows: pd.DataFrame


@dataclass(frozen=True)
class _Contest:
    metrics: list[Metric]
    winner: str
    compared_on: str
    test: date | None
    note: str


def train(
    connection: duckdb.DuckDBPyConnection,
    *,
    trained_as_of: date,
    horizon_days: int,
    first_data_day: date,
    label_kind: str = "paid_order",
    candidates: Sequence[Candidate] = CANDIDATES,
    seed: int = 0,
    rows_at_most: int = ROWS_AT_MOST,
    progress: Progress = lambda _line: None,
) -> TrainingOutcome:
    """Read the snapshots that a training day needs, and learn from them.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The open build file, with `user_features` and `training_labels` of the planned snapshots.
    trained_as_of : date
        The evening the model stands on; no label completed later is read.
    horizon_days : int
        Days after a snapshot in which a paid order means "not churned".
    first_data_day : date
        The first day with data.
    label_kind : str
        paid_order or any_activity.
    candidates : sequence of Candidate
        Who competes; the recency rule must be among them.
    seed : int
        Of estimators and resamples.
    rows_at_most : int
        Above this, a sample of users is learnt from.
    progress : callable
        Takes one line per step.

    Returns
    -------
    TrainingOutcome

    Raises
    ------
    ContractBreach
        If the data break a rule of `load_snapshots`.
    SuspectedLeak
        If an input or a candidate is too good to be true.
    """
    plan = plan_snapshots(trained_as_of, horizon_days, first_data_day)
    if not plan.production:
        progress(plan.reason)
        return without_history(plan)
    progress(f"reading {len(plan.snapshots)} snapshots from {plan.snapshots[0]} to {plan.snapshots[-1]}")
    snapshots = load_snapshots(
        connection,
        plan.snapshots,
        horizon_days=horizon_days,
        label_known_on=trained_as_of,
        label_kind=label_kind,
        rows_at_most=rows_at_most,
    )
    return learn(snapshots, plan, candidates=candidates, seed=seed, progress=progress)


def learn(
    snapshots: Snapshots,
    plan: SnapshotPlan,
    *,
    candidates: Sequence[Candidate] = CANDIDATES,
    seed: int = 0,
    progress: Progress = lambda _line: None,
) -> TrainingOutcome:
    """Compare candidates, choose one and fit it on the newest mature snapshots (pure: frame in, outcome out).

    The choice: the largest mean of two relative improvements over the recency rule, in log loss and in
    PR-AUC. The recency rule wins unless another improves on it. With too little data it wins without a
    contest.
    """
    production = snapshots.on(plan.production)
    if production.empty:
        return without_history(replace(plan, reason="No user was eligible in the snapshots to learn from."))
    reason = too_little(production["churned"].to_numpy())
    if reason:
        progress(reason)
        contest = _Contest([], RECENCY_RULE, "nothing", None, reason)
    else:
        strongest = refuse_leaking_features(production, snapshots.features)
        contest = _compare(snapshots, plan, candidates, seed=seed, strongest=strongest, progress=progress)
    model, _ = fit_model(
        candidate_named(contest.winner),
        production,
        snapshots.features,
        trained_as_of=plan.trained_as_of,
        horizon_days=plan.horizon_days,
        seed=seed,
        note=contest.note,
    )
    progress(f"fitted {model.candidate} on {len(production)} rows of {len(plan.production)} snapshots")
    return TrainingOutcome(
        model,
        contest.metrics,
        plan,
        contest.compared_on,
        contest.test,
        snapshots.counts(),
        golden_rows(model, production),
    )


def too_little(churned: NDArray[Any]) -> str:
    """Return why these labels are too few for a model; empty when they are enough."""
    rows, churners = len(churned), int(churned.sum())
    if rows >= FEWEST_ROWS and min(churners, rows - churners) >= FEWEST_PER_CLASS:
        return ""
    return (
        f"Too little data for a model: {rows} training rows, {churners} churned and {rows - churners} not "
        f"({FEWEST_ROWS} rows and {FEWEST_PER_CLASS} of each are needed). The recency rule scores."
    )


def without_history(plan: SnapshotPlan) -> TrainingOutcome:
    """Return the rule that needs no fit, for a shop whose first labels are not complete yet."""
    contract = FeatureContract((Feature(RECENCY_COLUMN, "numeric"),), {})
    nothing = pd.DataFrame({RECENCY_COLUMN: np.array([], dtype=np.float64)})
    rule = RecencyRule(plan.horizon_days).fit(nothing, np.array([], dtype=np.int64))
    note = (
        f"{plan.reason} The recency rule scores without having been fitted: even odds after "
        f"{plan.horizon_days} days without a paid order."
    )
    model = ChurnModel(RECENCY_RULE, plan.trained_as_of, plan.horizon_days, contract, rule, Sigmoid(), note)
    days = pd.DataFrame({RECENCY_COLUMN: [0.0, 1.0, 7.0, 30.0, 90.0, 180.0, 365.0, np.nan]})
    return TrainingOutcome(model, [], plan, "nothing", None, {}, days.assign(expected=model.predict(days)))


def golden_rows(model: ChurnModel, frame: pd.DataFrame) -> pd.DataFrame:
    """Return training rows spread evenly over the scores, with the probability that the model gave them."""
    order = np.lexsort((frame["user_id"].to_numpy(dtype=str), model.log_odds(frame)))
    chosen = order[np.unique(np.linspace(0, len(frame) - 1, GOLDEN_ROWS).astype(int))]
    rows = frame.iloc[chosen][["as_of_date", "user_id", *model.contract.names]].reset_index(drop=True)
    return pd.DataFrame(rows).assign(expected=model.predict(rows))


def _compare(
    snapshots: Snapshots,
    plan: SnapshotPlan,
    candidates: Sequence[Candidate],
    *,
    seed: int,
    strongest: tuple[str, float],
    progress: Progress,
) -> _Contest:
    """Score a test snapshot by every candidate: a later one, or the newest one by models of other users."""
    training = snapshots.on(plan.training)
    note = plan.reason
    in_time = plan.test is not None and not too_little(training["churned"].to_numpy())
    if plan.test is not None and not in_time:
        note = "The snapshots before the test are too small: candidates are compared on other users instead."
    learn_from = training if in_time else snapshots.on(plan.production)
    test_day = plan.production[0]
    test = snapshots.on([test_day])
    churned = test["churned"].to_numpy()
    if len(np.unique(churned)) < 2:
        same = f"Users of the test snapshot {test_day} are not of both kinds. The recency rule scores."
        return _Contest([], RECENCY_RULE, "nothing", None, same)
    scores: dict[str, NDArray[np.float64]] = {}
    for candidate in candidates:
        model, out_of_fold = fit_model(
            candidate,
            learn_from,
            snapshots.features,
            trained_as_of=test_day if in_time else plan.trained_as_of,
            horizon_days=plan.horizon_days,
            seed=seed,
        )
        if in_time:
            scores[candidate.name] = model.predict(test)
        else:
            of_test = (learn_from["as_of_date"] == test_day).to_numpy()
            scores[candidate.name] = model.calibrator.predict(out_of_fold[of_test])
    metrics = evaluate(churned, scores, baseline=RECENCY_RULE, seed=seed)
    value = {(row.candidate, row.metric): row for row in metrics}
    for name in scores:
        auc = value[name, "roc_auc"]
        refuse_leaking_model(name, auc.value, *strongest)
        progress(
            f"{name}: AUC {auc.value:.3f} ({auc.lower:.3f} to {auc.upper:.3f}), "
            f"log loss {value[name, 'log_loss'].value:.4f}, ECE {value[name, 'ece'].value:.3f} on {test_day}"
        )
    winner = choose(metrics)
    return _Contest(metrics, winner, "out_of_time" if in_time else "other_users", test_day, note)


def choose(metrics: Sequence[Metric]) -> str:
    """Return the candidate with the largest mean gain over the recency rule, in log loss and in PR-AUC.

    Gains are relative. A candidate with a figure that is not a number is out; ties go to the one that was
    entered first.
    """
    value = {(row.candidate, row.metric): row.value for row in metrics}
    loss, precision = value[RECENCY_RULE, "log_loss"], value[RECENCY_RULE, "pr_auc"]
    gains = {
        name: ((loss - value[name, "log_loss"]) / loss + (value[name, "pr_auc"] - precision) / precision) / 2
        for name, metric in value
        if metric == "roc_auc"
    }
    usable = {name: gain for name, gain in gains.items() if np.isfinite(gain)}
    best = max(usable, key=lambda name: usable[name], default=RECENCY_RULE)
    return best if usable.get(best, 0.0) > 0 else RECENCY_RULE

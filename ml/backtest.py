"""What models would have said in the past, and how right they would have been.

One comparison out of time hangs on one test snapshot. A rolling-origin backtest repeats it at every test
snapshot that history allows: on each of them, recipes are fitted again on what was known that evening.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.calendar import SNAPSHOT_STEP_DAYS, SnapshotPlan, plan_snapshots
from ml.calibration import log_losses, logistic
from ml.candidates import RECENCY_RULE, Candidate
from ml.dataset import Snapshots
from ml.evaluation import as_frame, choose_threshold, evaluate
from ml.features import FeatureContract, fit_contract
from ml.model import ChurnModel, fit_model
from ml.validation import sample_users
from warehouse.errors import ContractBreach

Floats = NDArray[np.float64]
Progress = Callable[[str], None]
RESAMPLES = 200
COLUMNS = [
    "candidate",
    "as_of_date",
    "users",
    "churn_rate",
    "training_rows",
    "metric",
    "value",
    "lower",
    "upper",
]


@dataclass(frozen=True)
class Entrant:
    """A candidate with the settings under which it competes.

    Attributes
    ----------
    candidate : Candidate
        What is fitted.
    parameters : mapping
        Settings that differ from its defaults.
    """

    candidate: Candidate
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class JudgedSnapshot:
    """What several models say of one test snapshot, and what became of its users.

    Attributes
    ----------
    as_of_date : date
        The test snapshot.
    frame : pandas.DataFrame
        Its rows: as_of_date, user_id, features, churned.
    models : dict of str to ChurnModel
        Per candidate the model fitted on the training snapshots.
    probability : dict of str to array, shape (users,)
        Calibrated churn probability per candidate.
    before : dict of str to array, shape (users,)
        The same before calibration.
    thresholds : dict of str to float
        Per candidate the probability from which on a user is called a churner, from training rows only.
    learnt_losses : dict of str to array, shape (training_rows,)
        Per candidate the log loss of each training row, scored by a model fitted on other users.
    training_rows : int
        Rows learnt from.
    """

    as_of_date: date
    frame: pd.DataFrame
    models: dict[str, ChurnModel]
    probability: dict[str, Floats]
    before: dict[str, Floats]
    thresholds: dict[str, float]
    learnt_losses: dict[str, Floats]
    training_rows: int

    @property
    def churned(self) -> NDArray[np.int64]:
        """Labels of the test rows, 0 or 1."""
        labels: NDArray[np.int64] = self.frame["churned"].to_numpy(dtype=np.int64)
        return labels

    def joined(self, other: "JudgedSnapshot") -> "JudgedSnapshot":
        """Return both with all their models; they have judged the same rows."""
        return replace(
            self,
            models=self.models | other.models,
            probability=self.probability | other.probability,
            before=self.before | other.before,
            thresholds=self.thresholds | other.thresholds,
            learnt_losses=self.learnt_losses | other.learnt_losses,
        )


def judge_snapshot(
    snapshots: Snapshots,
    entrants: Sequence[Entrant],
    *,
    test: date,
    training: Sequence[date],
    horizon_days: int,
    seed: int,
    rows_at_most: int | None = None,
    threshold_rule: str = "base_rate",
    contract: FeatureContract | None = None,
) -> JudgedSnapshot:
    """Fit every entrant on the training snapshots and let it score the test snapshot.

    Parameters
    ----------
    snapshots : Snapshots
        Labelled rows, those of `test` and `training` among them.
    entrants : sequence of Entrant
        Who competes.
    test : date
        Snapshot to score. If it is one of the training snapshots, its users are scored by models that were
        fitted on other users (for a history too short for a test in time).
    training : sequence of date
        Snapshots to learn from.
    horizon_days : int
        The label's window.
    seed : int
        Of the estimators.
    rows_at_most : int, optional
        Above this a sample of users is learnt from.
    threshold_rule : str
        See `choose_threshold`.
    contract : FeatureContract, optional
        What `fit_contract` learnt from the rows of `training`, where it is known already.

    Returns
    -------
    JudgedSnapshot

    Raises
    ------
    ContractBreach
        If a training label was not complete on the evening of a later test.
    """
    is_in_time = test not in training
    late = [day for day in training if is_in_time and day + timedelta(days=horizon_days) > test]
    if late:
        raise ContractBreach(
            f"Labels of {', '.join(map(str, late))} were not complete on the test snapshot {test}",
            f"horizon of {horizon_days} days",
            "learn from snapshots that are at least one horizon older",
        )
    learnt = sample_users(snapshots.on(training), rows_at_most)
    of_test = (learnt["as_of_date"] == test).to_numpy()
    frame = snapshots.on([test]) if is_in_time else learnt[of_test].reset_index(drop=True)
    contract = contract or fit_contract(learnt, snapshots.features, horizon_days=horizon_days)
    judged = JudgedSnapshot(test, frame, {}, {}, {}, {}, {}, len(learnt))
    for entrant in entrants:
        name = entrant.candidate.name
        model, out_of_fold = fit_model(
            entrant.candidate,
            learnt,
            snapshots.features,
            trained_as_of=test,
            horizon_days=horizon_days,
            seed=seed,
            parameters=entrant.parameters,
            contract=contract,
        )
        log_odds = model.log_odds(frame) if is_in_time else out_of_fold[of_test]
        judged.models[name] = model
        judged.probability[name] = model.calibrator.predict(log_odds)
        judged.before[name] = logistic(log_odds)
        labels = learnt["churned"].to_numpy()
        fitted = model.calibrator.predict(out_of_fold)
        judged.thresholds[name] = choose_threshold(labels, fitted, threshold_rule)
        judged.learnt_losses[name] = log_losses(labels, fitted)
    return judged


def backtest_plans(
    trained_as_of: date, horizon_days: int, first_data_day: date, step_days: int = SNAPSHOT_STEP_DAYS
) -> tuple[SnapshotPlan, ...]:
    """Return a plan per test snapshot, newest first: every one with anything to learn from before it.

    The newest test is the newest snapshot whose label is complete on `trained_as_of`; the others follow on
    the grid of snapshots.

    Examples
    --------
    >>> [plan.test.isoformat() for plan in backtest_plans(date(2011, 9, 4), 90, date(2010, 12, 1))]
    ['2011-06-06', '2011-05-09']
    """
    plans = []
    evening = trained_as_of
    while (plan := plan_snapshots(evening, horizon_days, first_data_day, step_days=step_days)).test:
        plans.append(plan)
        evening -= timedelta(days=step_days)
    return tuple(plans)


def backtest_snapshots(plans: Sequence[SnapshotPlan]) -> list[date]:
    """Return the snapshots that a backtest reads, in order of time."""
    tests = {plan.test for plan in plans if plan.test}
    return sorted(tests.union(*(plan.training for plan in plans)))


def backtest(
    snapshots: Snapshots,
    plans: Sequence[SnapshotPlan],
    entrants: Sequence[Entrant],
    *,
    seed: int = 0,
    rows_at_most: int | None = None,
    capacity: int | None = None,
    too_little: Callable[[NDArray[Any]], str] = lambda _labels: "",
    resamples: int = RESAMPLES,
    progress: Progress = lambda _line: None,
) -> pd.DataFrame:
    """Fit and judge the entrants again at every planned test snapshot.

    Parameters
    ----------
    snapshots : Snapshots
        Labelled rows of `backtest_snapshots(plans)`.
    plans : sequence of SnapshotPlan
        See `backtest_plans`.
    entrants : sequence of Entrant
        Who competes; the recency rule must be among them.
    seed : int
        Of estimators and resamples.
    rows_at_most : int, optional
        Above this a fit learns from a sample of users.
    capacity : int, optional
        Users who can be contacted.
    too_little : callable
        From training labels to why they are too few, empty if they are enough; such a snapshot is left out.
    resamples : int
        Bootstrap resamples of users per snapshot.
    progress : callable
        Takes one line per snapshot.

    Returns
    -------
    pandas.DataFrame
        candidate, as_of_date (the test snapshot), users, churn_rate, training_rows, metric, value, lower,
        upper; oldest snapshot first. Snapshots with too little to learn from or with users of one kind are
        not there.
    """
    found = []
    for number, plan in enumerate(reversed(plans), start=1):
        place = f"backtest {number} of {len(plans)}, {plan.test}"
        reason = _unfit(snapshots, plan, too_little)
        if plan.test is None or reason:
            progress(f"{place}: left out. {reason}")
            continue
        judged = judge_snapshot(
            snapshots,
            entrants,
            test=plan.test,
            training=plan.training,
            horizon_days=plan.horizon_days,
            seed=seed,
            rows_at_most=rows_at_most,
        )
        figures = as_frame(
            evaluate(
                judged.churned,
                judged.probability,
                baseline=RECENCY_RULE,
                before=judged.before,
                thresholds=judged.thresholds,
                capacity=capacity,
                resamples=resamples,
                seed=seed,
            )
        )
        found.append(
            figures.assign(
                as_of_date=plan.test,
                users=len(judged.frame),
                churn_rate=judged.churned.mean(),
                training_rows=judged.training_rows,
            )
        )
        auc = figures[figures["metric"] == "roc_auc"].set_index("candidate")["value"]
        progress(f"{place}: AUC " + ", ".join(f"{name} {auc[name]:.3f}" for name in auc.index))
    return pd.concat(found, ignore_index=True)[COLUMNS] if found else pd.DataFrame(columns=COLUMNS)


def _unfit(snapshots: Snapshots, plan: SnapshotPlan, too_little: Callable[[NDArray[Any]], str]) -> str:
    learnt = snapshots.on(plan.training)["churned"].to_numpy()
    tested = snapshots.on([plan.test])["churned"].to_numpy() if plan.test else learnt[:0]
    if len(np.unique(learnt)) < 2 or len(np.unique(tested)) < 2:
        return "Its users, or those to learn from, are not of both kinds."
    return too_little(learnt)

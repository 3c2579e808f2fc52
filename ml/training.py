"""From labelled snapshots to one model: hold the contest, and fit the winner again on the newest data."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from ml.backtest import Entrant, backtest_plans, backtest_snapshots
from ml.calendar import SnapshotPlan, plan_snapshots
from ml.calibration import Sigmoid
from ml.campaigns import untouched
from ml.candidates import (
    CANDIDATES,
    RECENCY_COLUMN,
    RECENCY_RULE,
    Candidate,
    RecencyRule,
    candidate_named,
)
from ml.contest import Contest, hold_contest, no_contest
from ml.dataset import Snapshots, load_snapshots
from ml.evaluation import Metric
from ml.features import Feature, FeatureContract, prepare
from ml.model import ChurnModel, fit_model
from ml.plain_effects import fit_plain_effects
from ml.search import SearchRules
from ml.validation import too_little
from warehouse.definitions import Definition

ROWS_AT_MOST = 200_000
BACKTEST_ROWS = 60_000
# A year of test snapshots.
BACKTESTS_AT_MOST = 13
GOLDEN_ROWS = 64
Progress = Callable[[str], None]


@dataclass(frozen=True)
class TrainingRules:
    """How a model is looked for.

    Attributes
    ----------
    candidates : tuple of Candidate
        Who competes; the recency rule must be among them.
    search : SearchRules
        How much may be searched, and how long a fit may take.
    seed : int
        Of everything random.
    rows_at_most : int
        Above this, a sample of users is learnt from.
    capacity : int or None
        Users who can be contacted in a day; lift and recall are reported for as many.
    shuffles_labels : bool
        Whether the winner is also fitted on shuffled labels, as a look for leaks.
    """

    candidates: tuple[Candidate, ...] = CANDIDATES
    search: SearchRules = field(default_factory=SearchRules)
    seed: int = 0
    rows_at_most: int = ROWS_AT_MOST
    capacity: int | None = None
    shuffles_labels: bool = True


@dataclass(frozen=True)
class TrainingOutcome:
    """What a training run found and made.

    Attributes
    ----------
    model : ChurnModel
        Fitted on the newest mature snapshots.
    contest : Contest
        Who competed, and how good they were.
    plan : SnapshotPlan
        Which snapshots were read.
    counts : dict
        Rows and churned users per snapshot.
    golden_rows : pandas.DataFrame
        Inputs, as read, of some training rows, and the probability `expected` for each.
    definition_id : str
        The definition of churn.
    """

    model: ChurnModel
    contest: Contest
    plan: SnapshotPlan
    counts: dict[str, dict[str, int]]
    golden_rows: pd.DataFrame
    definition_id: str = ""

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Every candidate on the test, with intervals and paired differences to the rules."""
        return self.contest.metrics

    @property
    def compared_on(self) -> str:
        """Whether candidates were compared out_of_time, on other_users or on nothing."""
        return self.contest.compared_on

    @property
    def test_as_of_date(self) -> date | None:
        """The snapshot that the metrics are about."""
        return self.contest.test


def snapshots_to_build(trained_as_of: date, horizon_days: int, first_data_day: date) -> list[date]:
    """Return the snapshots that training on a day and its backtest read, in order of time."""
    plan = plan_snapshots(trained_as_of, horizon_days, first_data_day)
    plans = planned_backtests(trained_as_of, horizon_days, first_data_day)
    return sorted({*plan.snapshots, *backtest_snapshots(plans)})


def planned_backtests(
    trained_as_of: date, horizon_days: int, first_data_day: date
) -> tuple[SnapshotPlan, ...]:
    """Return a plan per test snapshot of the backtest, newest first, a year of them at most."""
    return backtest_plans(trained_as_of, horizon_days, first_data_day)[:BACKTESTS_AT_MOST]


def read_snapshots(
    connection: duckdb.DuckDBPyConnection,
    days: Sequence[date],
    *,
    trained_as_of: date,
    definition: Definition,
    rows_at_most: int | None,
) -> Snapshots:
    """Read the population of a definition with its labels, without users whose outcome a campaign changed.

    Raises
    ------
    ContractBreach
        If the data break a rule of `load_snapshots`.
    """
    snapshots = load_snapshots(
        connection,
        days,
        horizon_days=definition.horizon_days,
        label_known_on=trained_as_of,
        label_kind=definition.label_kind,
        definition=definition,
        rows_at_most=rows_at_most,
    )
    natural = untouched(
        connection, snapshots.frame, horizon_days=definition.horizon_days, known_on=trained_as_of
    )
    return replace(snapshots, frame=natural)


def train(
    connection: duckdb.DuckDBPyConnection,
    *,
    trained_as_of: date,
    definition: Definition,
    first_data_day: date,
    rules: TrainingRules,
    incumbent: Entrant | None = None,
    tables: Mapping[str, str] | None = None,
    journal: Path | None = None,
    progress: Progress = lambda _line: None,
) -> tuple[TrainingOutcome, Snapshots | None]:
    """Read the snapshots that a training day needs, and learn from them.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The open build file, with `user_features` and `training_labels` of the planned snapshots.
    trained_as_of : date
        The evening the model stands on; no label completed later is read.
    definition : Definition
        What churned means, and who is asked about.
    first_data_day : date
        The first day with data.
    rules : TrainingRules
        Who competes and how.
    incumbent : Entrant, optional
        The champion's recipe.
    tables : mapping of str to str, optional
        The table that each feature is made from.
    journal : Path, optional
        Where the search keeps its trials.
    progress : callable
        Takes one line per step.

    Returns
    -------
    outcome : TrainingOutcome
    snapshots : Snapshots or None
        What was learnt from.

    Raises
    ------
    ContractBreach
        If the data break a rule of `load_snapshots`.
    SuspectedLeak
        If an input or a candidate is too good to be true.
    """
    plan = plan_snapshots(trained_as_of, definition.horizon_days, first_data_day)
    if not plan.production:
        progress(plan.reason)
        return replace(without_history(plan), definition_id=definition.definition_id), None
    progress(f"reading {len(plan.snapshots)} snapshots from {plan.snapshots[0]} to {plan.snapshots[-1]}")
    snapshots = read_snapshots(
        connection,
        plan.snapshots,
        trained_as_of=trained_as_of,
        definition=definition,
        rows_at_most=rules.rows_at_most,
    )
    outcome = learn(
        snapshots,
        plan,
        rules=rules,
        incumbent=incumbent,
        tables=tables,
        journal=journal,
        progress=progress,
    )
    return replace(outcome, definition_id=definition.definition_id), snapshots


def learn(
    snapshots: Snapshots,
    plan: SnapshotPlan,
    *,
    rules: TrainingRules,
    incumbent: Entrant | None = None,
    tables: Mapping[str, str] | None = None,
    journal: Path | None = None,
    progress: Progress = lambda _line: None,
) -> TrainingOutcome:
    """Hold the contest and fit the winner on the newest mature snapshots (frames in, outcome out).

    With too little data the recency rule wins without a contest, and says so.
    """
    production = snapshots.on(plan.production)
    if production.empty:
        return without_history(replace(plan, reason="No user was eligible in the snapshots to learn from."))
    reason = too_little(production["churned"].to_numpy())
    if reason:
        progress(reason)
        contest = no_contest(reason)
    else:
        contest = hold_contest(
            snapshots,
            plan,
            rules.candidates,
            rules=rules.search,
            seed=rules.seed,
            incumbent=incumbent,
            tables=tables,
            journal=journal,
            capacity=rules.capacity,
            shuffles_labels=rules.shuffles_labels,
            progress=progress,
        )
    model, _ = fit_model(
        contest.winner.candidate,
        production,
        snapshots.features,
        trained_as_of=plan.trained_as_of,
        horizon_days=plan.horizon_days,
        seed=rules.seed,
        parameters=contest.winner.parameters,
        note=contest.note,
    )
    inputs, churned = prepare(production, model.contract), production["churned"].to_numpy()
    model = replace(model, effects=fit_plain_effects(inputs, churned))
    progress(f"fitted {model.candidate} on {len(production)} rows of {len(plan.production)} snapshots")
    return TrainingOutcome(model, contest, plan, snapshots.counts(), golden_rows(model, production))


def recency_rule_instead(outcome: TrainingOutcome, snapshots: Snapshots) -> TrainingOutcome:
    """Return the recency rule, fitted on the same rows: for a shop with neither champion nor sound model."""
    note = f"{outcome.model.candidate} was not sound and there is no champion: the recency rule scores."
    production = snapshots.on(outcome.plan.production)
    rule = candidate_named(RECENCY_RULE)
    model, _ = fit_model(
        rule,
        production,
        snapshots.features,
        trained_as_of=outcome.plan.trained_as_of,
        horizon_days=outcome.plan.horizon_days,
        seed=0,
        note=note,
    )
    contest = replace(outcome.contest, winner=Entrant(rule), leak_alarms=(), note=note)
    return replace(outcome, model=model, contest=contest, golden_rows=golden_rows(model, production))


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
    golden = days.assign(expected=model.predict(days))
    return TrainingOutcome(model, no_contest(note), plan, {}, golden)


def golden_rows(model: ChurnModel, frame: pd.DataFrame) -> pd.DataFrame:
    """Return training rows spread evenly over the scores, with the probability that the model gave them."""
    order = np.lexsort((frame["user_id"].to_numpy(dtype=str), model.log_odds(frame)))
    chosen = order[np.unique(np.linspace(0, len(frame) - 1, GOLDEN_ROWS).astype(int))]
    rows = frame.iloc[chosen][["as_of_date", "user_id", *model.contract.names]].reset_index(drop=True)
    return pd.DataFrame(rows).assign(expected=model.predict(rows))

"""Everything that is told of a training beside the candidates' figures, as frames for the report tables."""

from collections.abc import Callable, Mapping
from datetime import date

import duckdb
import pandas as pd

from ml.backtest import Entrant, backtest, backtest_snapshots
from ml.candidates import RECENCY_RULE, candidate_named
from ml.curves import curves
from ml.dataset import Snapshots
from ml.importance import importance
from ml.learning_curve import learning_curve
from ml.slices import slices
from ml.tables import (
    BACKTEST,
    CURVES,
    IMPORTANCE,
    LEARNING_CURVE,
    REPORT,
    REPORT_COLUMNS,
    SLICES,
    TABLES,
    replace_rows,
)
from ml.training import (
    BACKTEST_ROWS,
    TrainingOutcome,
    TrainingRules,
    planned_backtests,
    read_snapshots,
)
from ml.validation import too_little
from warehouse.definitions import Definition

Progress = Callable[[str], None]
RULES = (RECENCY_RULE, "rfm_logistic")


def report_frames(
    connection: duckdb.DuckDBPyConnection,
    outcome: TrainingOutcome,
    snapshots: Snapshots | None,
    *,
    definition: Definition,
    first_data_day: date,
    rules: TrainingRules,
    themes: Mapping[str, str],
    value_cutoffs: Mapping[str, float],
    progress: Progress = lambda _line: None,
) -> dict[str, pd.DataFrame]:
    """Return a frame per report table, by the table's name; none where nothing was compared.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The open build file, with the snapshots of the backtest.
    outcome : TrainingOutcome
        What training found.
    snapshots : Snapshots or None
        What it learnt from.
    definition : Definition
        The definition of churn.
    first_data_day : date
        The first day with data.
    rules : TrainingRules
        As in training.
    themes : mapping of str to str
        Theme of each input.
    value_cutoffs : mapping of str to float
        Percentile from which each value tier begins.
    progress : callable
        Takes one line per step.
    """
    judged = outcome.contest.judged
    if judged is None or snapshots is None:
        return {}
    winner = outcome.contest.winner
    name = winner.candidate.name
    names = [one for one in dict.fromkeys((*RULES, name)) if one in judged.probability]
    shown = {one: judged.probability[one] for one in names}
    before = {one: judged.before[one] for one in shown}
    entrants = [winner if one == name else Entrant(candidate_named(one)) for one in shown]
    progress("slices, importance and curves")
    frames = {
        SLICES: slices(judged.frame, shown, value_cutoffs=value_cutoffs, seed=rules.seed),
        CURVES: curves(judged.churned, shown, before),
        IMPORTANCE: importance(judged.models[name], judged.frame, themes, seed=rules.seed).assign(
            candidate=name
        ),
    }
    if outcome.compared_on != "out_of_time":
        return frames
    plan = outcome.plan
    frames[LEARNING_CURVE] = learning_curve(
        snapshots,
        winner,
        test=judged.as_of_date,
        training=plan.training,
        horizon_days=plan.horizon_days,
        rows_at_most=BACKTEST_ROWS,
        seed=rules.seed,
        progress=progress,
    ).assign(candidate=name)
    plans = planned_backtests(plan.trained_as_of, plan.horizon_days, first_data_day)
    history = read_snapshots(
        connection,
        backtest_snapshots(plans),
        trained_as_of=plan.trained_as_of,
        definition=definition,
        rows_at_most=None if len(snapshots.frame) < BACKTEST_ROWS else BACKTEST_ROWS * 2,
    )
    frames[BACKTEST] = backtest(
        history,
        plans,
        entrants,
        seed=rules.seed,
        rows_at_most=BACKTEST_ROWS,
        capacity=rules.capacity,
        too_little=too_little,
        progress=progress,
    )
    return frames


def write_model_report(
    connection: duckdb.DuckDBPyConnection, outcome: TrainingOutcome, model_version: str
) -> None:
    """Replace a model's rows in `ml.model_report`."""
    replace_rows(
        connection,
        REPORT,
        REPORT_COLUMNS,
        report_frame(outcome, model_version),
        {"model_version": model_version},
    )


def report_frame(outcome: TrainingOutcome, model_version: str) -> pd.DataFrame:
    """Return one row per candidate and metric, plus how many rows the model learnt from."""
    learnt = [outcome.counts[str(day)] for day in outcome.plan.production if str(day) in outcome.counts]
    rows = sum(count["rows"] for count in learnt)
    churned = sum(count["churned"] for count in learnt)
    figures = [
        *((item.candidate, item.metric, item.value, item.lower, item.upper) for item in outcome.metrics),
        (outcome.model.candidate, "is_chosen", 1.0, None, None),
        (outcome.model.candidate, "training_rows", float(rows), None, None),
        (outcome.model.candidate, "training_rows_churned", float(churned), None, None),
    ]
    frame = pd.DataFrame(figures, columns=["candidate", "metric", "value", "lower", "upper"])
    compared = {
        "out_of_time": "Compared on a later snapshot than any that was learnt from.",
        "other_users": "Compared on users that were not learnt from, not on a later snapshot.",
        "nothing": "Not compared.",
    }[outcome.compared_on]
    return frame.assign(
        model_version=model_version,
        trained_as_of=outcome.model.trained_as_of,
        definition_id=outcome.definition_id,
        test_as_of_date=outcome.test_as_of_date,
        horizon_days=outcome.model.horizon_days,
        note=f"{compared} {outcome.model.note}".strip(),
    )


def write_reports(
    connection: duckdb.DuckDBPyConnection,
    frames: Mapping[str, pd.DataFrame],
    outcome: TrainingOutcome,
    model_version: str,
) -> None:
    """Replace a model's rows in the report tables."""
    for table, frame in frames.items():
        told = frame.assign(
            model_version=model_version,
            trained_as_of=outcome.model.trained_as_of,
            definition_id=outcome.definition_id,
        )
        replace_rows(connection, table, TABLES[table], told, {"model_version": model_version})

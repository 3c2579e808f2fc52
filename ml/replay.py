"""Scores an evening of the past with what was known then; registers nothing and decides nothing."""

from collections.abc import Sequence
from datetime import date

import pandas as pd

from ml.dataset import first_data_day, load_features, snapshots_built
from ml.model import ChurnModel
from ml.plausibility import load_tables_of_features
from ml.trainer import competing, search_rules
from ml.training import TrainingOutcome, TrainingRules, snapshots_to_build, train
from warehouse.connections import open_build
from warehouse.definitions import Definition
from warehouse.errors import ContractBreach
from warehouse.settings import Settings

Evenings = Sequence[tuple[date, Definition]]


def snapshots_of_replays(settings: Settings, evenings: Evenings) -> list[date]:
    """Return the snapshots that replays learn from and whose features are not built yet, in order of time."""
    needed: set[date] = set()
    with open_build(settings) as connection:
        for as_of_date, definition in evenings:
            first = first_data_day(connection, as_of_date)
            if first is not None:
                needed.update(snapshots_to_build(as_of_date, definition.horizon_days, first))
        return sorted(needed - snapshots_built(connection))


def score_replay(
    settings: Settings, as_of_date: date, definition: Definition, *, seed: int = 0
) -> tuple[pd.DataFrame, str]:
    """Hold the contest on an evening and score everybody whom the definition asks about.

    Returns
    -------
    scores : pandas.DataFrame
        as_of_date, user_id, churn_probability; ordered by user.
    told : str
        Who won, and what was said about it.

    Raises
    ------
    ContractBreach
        If there are no data yet, snapshots or labels are missing, or a leak is suspected.
    """
    seeds = settings.dbt_project / "seeds"
    with open_build(settings) as connection:
        first = first_data_day(connection, as_of_date)
        if first is None:
            raise ContractBreach(
                f"Nothing is known of {settings.source} on {as_of_date}", None, "choose a later date"
            )
        outcome, _ = train(
            connection,
            trained_as_of=as_of_date,
            definition=definition,
            first_data_day=first,
            rules=TrainingRules(competing(settings.candidates), search_rules(settings), seed),
            tables=load_tables_of_features(seeds / "reason_texts.csv"),
        )
        frame = load_features(connection, as_of_date, definition)
    _refuse_leaks(outcome)
    scores = frame[["as_of_date", "user_id"]].assign(churn_probability=outcome.model.predict(frame))
    return scores, _told(outcome, outcome.model, len(scores))


def _refuse_leaks(outcome: TrainingOutcome) -> None:
    if outcome.contest.leak_alarms:
        raise ContractBreach(
            "A leak is suspected",
            "; ".join(outcome.contest.leak_alarms),
            "look for inputs that saw the outcome",
        )


def _told(outcome: TrainingOutcome, model: ChurnModel, users: int) -> str:
    found = {one.metric: one for one in outcome.metrics if one.candidate == model.candidate}
    told = f"{model.candidate} scores {users} users"
    if "roc_auc" in found:
        auc = found["roc_auc"]
        told += (
            f"; on the test of {outcome.test_as_of_date} its ROC-AUC was {auc.value:.3f} "
            f"({auc.lower:.3f} to {auc.upper:.3f})"
        )
    return f"{told}. {model.note}".strip() if model.note else told

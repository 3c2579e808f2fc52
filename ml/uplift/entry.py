"""What the scheduler calls: train on the warehouse's own experiments, score a day's users."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta

import duckdb
import numpy as np
import pandas as pd

from ml.dataset import table_schema
from ml.features import check_not_emptied, check_schema
from ml.tables import UPLIFT_SCORE_COLUMNS, UPLIFT_SCORES, prepare_tables, replace_rows
from ml.uplift.experiments import (
    CHURN_PROBABILITY,
    ExperimentRows,
    campaigns_measured,
    load_experiment,
    load_scored_users,
)
from ml.uplift.model import UpliftModel
from ml.uplift.report import models_in_force, write_report
from ml.uplift.store import load_uplift_model, save_uplift_model
from ml.uplift.training import UpliftOutcome, learn_campaign
from warehouse.connections import open_build
from warehouse.errors import ContractBreach, DamagedFile, GateFailure
from warehouse.ledger import Alarm, Ledger, Run
from warehouse.settings import Settings

Progress = Callable[[str], None]
POLICY_BACK_TO_SEED = "uplift_policy"


def train_uplift(
    settings: Settings, ledger: Ledger, as_of_date: date, progress: Progress = lambda _line: None
) -> dict[str, str]:
    """Train on the outcomes that were complete on a day, campaign by campaign, and write the report.

    A model that may decide is stored and decides from this day on; where none may, the policy is the seed's.
    A campaign that a model decided before and that goes back to the seed raises an alarm. Safe to run again:
    the same data give the same models and rows.

    Returns
    -------
    dict
        What holds for each campaign, in words; empty before the first outcomes.

    Raises
    ------
    ContractBreach
        If inputs or outcomes are no numbers.
    HoldfastError
        If a model cannot be written.
    """
    with open_build(settings) as connection:
        prepare_tables(connection)
        before = models_in_force(connection, as_of_date - timedelta(days=1))
        measured = [
            load_experiment(connection, campaign_id, as_of_date)
            for campaign_id in campaigns_measured(connection, as_of_date)
        ]
        outcomes = []
        for rows in measured:
            if rows.users_without_inputs:
                progress(f"{rows.campaign_id}: {rows.users_without_inputs} users lack features of their day")
            others = [other for other in measured if other is not rows]
            found = learn_campaign(rows, as_of_date, others=others, progress=progress)
            outcomes.append(_kept(settings, rows, found))
        write_report(connection, as_of_date, outcomes)
    if not outcomes:
        progress(f"No campaign has outcomes by {as_of_date}: the policy is the seed's")
    lost = [one for one in outcomes if one.campaign_id in before and one.model is None]
    ledger.record_alarms([_alarm(settings, as_of_date, one.campaign_id, one.verdict) for one in lost])
    return {one.campaign_id: one.verdict for one in outcomes}


def score_uplift(
    settings: Settings,
    ledger: Ledger,
    run: Run,
    as_of_date: date,
    progress: Progress = lambda _line: None,
) -> dict[str, int]:
    """Write what each campaign with a model in force would change for the users scored on a day.

    Replaces the day's rows of `ml.uplift_scores`. A day that was scored before uses the same models again. A
    model that does not verify decides nothing: its campaign goes back to the seed, and an alarm says so.

    Returns
    -------
    dict
        Users scored, by campaign; empty where the seed decides everything.

    Raises
    ------
    ContractBreach
        If the day was not scored, or its features do not fit a model.
    GateFailure
        If an uplift is not a number; nothing is written.
    SupersededRun
        If a newer run of the same day has begun; nothing is written.
    """
    ledger.assert_epoch_current(run)
    with open_build(settings) as connection:
        prepare_tables(connection)
        versions = {**models_in_force(connection, as_of_date), **_used_before(connection, as_of_date)}
        models, alarms = [], []
        for campaign_id, version in versions.items():
            try:
                models.append(load_uplift_model(version, settings.models))
            except DamagedFile as damaged:
                progress(f"{campaign_id}: {damaged}")
                alarms.append(_alarm(settings, as_of_date, campaign_id, str(damaged)))
        scores = score_users(connection, as_of_date, models)
        replace_rows(connection, UPLIFT_SCORES, UPLIFT_SCORE_COLUMNS, scores, {"as_of_date": as_of_date})
    ledger.record_alarms(alarms)
    counts = {str(one): int(users) for one, users in scores["campaign_id"].value_counts(sort=False).items()}
    progress(f"uplift of {as_of_date}: " + (", ".join(map(str, counts.items())) or "the seed decides"))
    return counts


def score_users(
    connection: duckdb.DuckDBPyConnection, as_of_date: date, models: Sequence[UpliftModel]
) -> pd.DataFrame:
    """Return the rows of `ml.uplift_scores` that models give the users scored on a day."""
    if not models:
        return pd.DataFrame(columns=list(UPLIFT_SCORE_COLUMNS))
    schema = [*table_schema(connection), (CHURN_PROBABILITY, "DOUBLE")]
    frame = load_scored_users(connection, as_of_date)
    if frame.empty:
        raise ContractBreach(f"{as_of_date} was not scored", None, "score the day, then its uplift")
    parts = []
    for model in models:
        check_schema(schema, model.contract)
        check_not_emptied(frame, model.contract)
        uplift = model.predict(frame)
        unsound = ~np.isfinite(uplift.to_numpy()).all(axis=1)
        if unsound.any():
            raise GateFailure(
                f"{int(unsound.sum())} users have an uplift that is not a number; none was written",
                f"user {frame.loc[unsound, 'user_id'].iloc[0]}, {model.model_version}",
                "look at that user's features",
            )
        parts.append(
            frame[["as_of_date", "user_id"]]
            .assign(campaign_id=model.campaign_id, model_version=model.model_version)
            .join(uplift)
        )
    return pd.concat(parts, ignore_index=True)[list(UPLIFT_SCORE_COLUMNS)]


def _kept(settings: Settings, rows: ExperimentRows, found: UpliftOutcome) -> UpliftOutcome:
    """Store the model that may decide, and read it back: what cannot be read must not decide."""
    if found.model is None:
        return found
    figures = [figure for of_outcome in found.figures.values() for figure in of_outcome]
    model = save_uplift_model(found.model, rows.frame, figures, settings.models)
    return replace(found, model=load_uplift_model(model.model_version, settings.models))


def _used_before(connection: duckdb.DuckDBPyConnection, as_of_date: date) -> dict[str, str]:
    """Return the models that a day was scored with before, by campaign."""
    rows = connection.execute(
        f"select distinct campaign_id, model_version from {UPLIFT_SCORES} where as_of_date = ?", [as_of_date]
    ).fetchall()
    return {str(campaign_id): str(version) for campaign_id, version in rows}


def _alarm(settings: Settings, as_of_date: date, campaign_id: str, why: str) -> Alarm:
    message = f"The policy of {campaign_id} is the seed's again. {why}"
    return Alarm(settings.source, as_of_date, POLICY_BACK_TO_SEED, campaign_id, message)

"""What the scheduler calls: train on a day, score a day. Opens the build file; nothing else here does."""

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import date

from ml.calendar import snapshots_needed, training_date
from ml.dataset import first_data_day, load_themes, snapshots_built
from ml.registry import load_model, save_model
from ml.scoring import ScoringOutcome, score, write_model_report
from ml.tables import prepare_tables
from ml.training import TrainingOutcome, train
from warehouse.connections import open_build
from warehouse.errors import ContractBreach
from warehouse.ledger import Ledger, Model, Run
from warehouse.settings import Settings

Progress = Callable[[str], None]
HEADLINES = ("roc_auc", "pr_auc", "brier_skill", "log_loss", "ece", "lift_at_10", "recall_at_20")


def training_due(settings: Settings, ledger: Ledger, as_of_date: date) -> date | None:
    """Return the day to train on before a day can be scored, or None when a fitting model is there.

    That day is the last Sunday. Nothing is due when a model of this shop and horizon, trained on that Sunday
    or later but not after the day itself, was accepted, or when the day is pinned to a model already.
    """
    if ledger.model_for_day(settings.source, as_of_date, settings.definition_id) is not None:
        return None
    sunday = training_date(as_of_date)
    newest = ledger.newest_model(settings.source, as_of_date, horizon_days=settings.horizon_days)
    return None if newest is not None and newest.trained_as_of >= sunday else sunday


def snapshots_missing(settings: Settings, trained_as_of: date) -> list[date]:
    """Return the snapshots that training on a day reads and whose features are not built yet."""
    with open_build(settings) as connection:
        first = first_data_day(connection, trained_as_of)
        needed = snapshots_needed(trained_as_of, settings.horizon_days, first) if first else []
        return sorted(set(needed) - snapshots_built(connection))


def train_model(
    settings: Settings, ledger: Ledger, trained_as_of: date, progress: Progress = lambda _line: None
) -> str:
    """Train on a day, register the model, write its report, and return its version.

    Safe to run again: the same data give the same version.

    Raises
    ------
    ContractBreach
        If there are no data yet, or snapshots or labels are missing or break a rule.
    """
    with open_build(settings) as connection:
        first = first_data_day(connection, trained_as_of)
        if first is None:
            raise ContractBreach(
                f"Nothing is known of {settings.source} on {trained_as_of}", None, "ingest deliveries first"
            )
        outcome = train(
            connection,
            trained_as_of=trained_as_of,
            horizon_days=settings.horizon_days,
            first_data_day=first,
            progress=progress,
        )
        model_version = save_model(outcome, settings.models)
        load_model(model_version, settings.models)
        write_model_report(connection, outcome, model_version)
    ledger.record_model(
        Model(
            model_version=model_version,
            source=settings.source,
            trained_as_of=trained_as_of,
            horizon_days=settings.horizon_days,
            kind=outcome.model.candidate,
            status="challenger",
            path=model_version,
            metrics_json=headlines(outcome),
            definition_id=settings.definition_id,
        )
    )
    progress(f"registered {model_version}")
    return model_version


def score_day(
    settings: Settings, ledger: Ledger, run: Run, as_of_date: date, progress: Progress = lambda _line: None
) -> ScoringOutcome:
    """Score a day with its model, and pin that model to the day.

    A day that was scored before uses the same model again. Otherwise it is the newest accepted model trained
    on the day or earlier, and not longer ago than the weekly grid allows.

    Raises
    ------
    ContractBreach
        If no model is recent enough, or the features do not fit it.
    DamagedFile
        If the model's signature or golden rows do not verify.
    GateFailure
        If a score is unsound; nothing is written.
    SupersededRun
        If a newer run of the same day has begun; nothing is written.
    """
    ledger.assert_epoch_current(run)
    pinned = ledger.model_for_day(settings.source, as_of_date, settings.definition_id)
    model_version = pinned.model_version if pinned else _newest(settings, ledger, as_of_date)
    model = load_model(model_version, settings.models)
    with open_build(settings) as connection:
        prepare_tables(connection)
        outcome = score(
            connection,
            as_of_date=as_of_date,
            model=model,
            run_id=run.run_id,
            themes=load_themes(settings.dbt_project / "seeds" / "reason_texts.csv"),
            progress=progress,
        )
    ledger.use_model(settings.source, as_of_date, model_version, run.run_id)
    return outcome


def headlines(outcome: TrainingOutcome) -> str:
    """Return the figures that the ledger keeps of a training, as JSON."""
    figures = {
        row.candidate: {
            other.metric: {
                key: value for key, value in asdict(other).items() if key in ("value", "lower", "upper")
            }
            for other in outcome.metrics
            if other.candidate == row.candidate and other.metric.removesuffix("_over_recency") in HEADLINES
        }
        for row in outcome.metrics
    }
    return json.dumps(
        {
            "compared_on": outcome.compared_on,
            "test_as_of_date": str(outcome.test_as_of_date) if outcome.test_as_of_date else None,
            "note": outcome.model.note,
            "candidates": figures,
        },
        sort_keys=True,
    )


def _newest(settings: Settings, ledger: Ledger, as_of_date: date) -> str:
    newest = ledger.newest_model(settings.source, as_of_date, horizon_days=settings.horizon_days)
    oldest_allowed = training_date(as_of_date)
    if newest is None or newest.trained_as_of < oldest_allowed:
        raise ContractBreach(
            f"No accepted model of {settings.source} was trained between {oldest_allowed} and {as_of_date}",
            newest.model_version if newest else None,
            f"train first: `python -m ml train --as-of {oldest_allowed}`",
        )
    return newest.model_version

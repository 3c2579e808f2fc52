"""What the scheduler calls: train on a day, score a day. Opens the build file; nothing else here does."""

from collections.abc import Callable
from datetime import date

from ml.calendar import training_date
from ml.card.champion import write_card_after_training
from ml.dataset import check_population, first_data_day, load_themes, snapshots_built
from ml.registry import load_model
from ml.scoring import ScoringOutcome, repeat_scores, score, score_definition
from ml.tables import prepare_tables
from ml.trainer import Trainer
from ml.training import snapshots_to_build
from warehouse.connections import open_build
from warehouse.definitions import Definition, definition_in_force, load_definitions
from warehouse.errors import ContractBreach
from warehouse.ledger import Ledger, Run
from warehouse.settings import Settings

Progress = Callable[[str], None]


def training_due(settings: Settings, ledger: Ledger, as_of_date: date) -> date | None:
    """Return the day to train on before a day can be scored, or None when that was done.

    That day is the last Sunday. Nothing is due when a model of every definition was trained on that Sunday or
    later but not after the day itself, and decided on; when a champion is pinned; or when the day has its
    model already. A training that was cut off is due again.
    """
    source, definition_id = settings.source, settings.definition_id
    if ledger.model_for_day(source, as_of_date, definition_id) is not None:
        return None
    if ledger.pin_for(source, definition_id, as_of_date) is not None:
        return None
    sunday = training_date(as_of_date)
    decided = {
        model.definition_id
        for model in ledger.models(source)
        if sunday <= model.trained_as_of <= as_of_date and ledger.decision_on(model.model_version)
    }
    wanted = {definition.definition_id for definition in load_definitions(settings.dbt_project)}
    is_ready = wanted <= decided and ledger.champion_for(source, definition_id, as_of_date) is not None
    return None if is_ready else sunday


def snapshots_missing(settings: Settings, trained_as_of: date) -> list[date]:
    """Return the snapshots that training on a day reads and whose features are not built yet."""
    definitions = load_definitions(settings.dbt_project)
    with open_build(settings) as connection:
        first = first_data_day(connection, trained_as_of)
        if first is None:
            return []
        horizons = {definition.horizon_days for definition in definitions}
        needed = {day for one in horizons for day in snapshots_to_build(trained_as_of, one, first)}
        return sorted(needed - snapshots_built(connection))


def train_model(
    settings: Settings, ledger: Ledger, trained_as_of: date, progress: Progress = lambda _line: None
) -> str:
    """Train on a day for every definition of churn; return the version for the one in force.

    Each model is registered, and a decision is recorded: whether it becomes the champion, and why. The
    champion's card is written anew. Safe to run again: the same data give the same versions, and a decision
    is made once.

    Raises
    ------
    ContractBreach
        If there are no data yet, or snapshots or labels are missing or break a rule.
    """
    definitions = load_definitions(settings.dbt_project)
    in_force = definition_in_force(definitions, settings.definition_id)
    with open_build(settings) as connection:
        first = first_data_day(connection, trained_as_of)
        if first is None:
            raise ContractBreach(
                f"Nothing is known of {settings.source} on {trained_as_of}", None, "ingest deliveries first"
            )
        trainer = Trainer(
            settings,
            ledger,
            connection,
            trained_as_of=trained_as_of,
            first_data_day=first,
            progress=progress,
        )
        version = trainer.train(in_force, trainer.rules())
        others = trainer.rules_beside()
        for definition in definitions:
            if definition != in_force:
                trainer.train(definition, others)
        for card in write_card_after_training(settings, ledger, connection, trained_as_of)[:1]:
            progress(f"model card: {card}")
    return version


def score_day(
    settings: Settings, ledger: Ledger, run: Run, as_of_date: date, progress: Progress = lambda _line: None
) -> ScoringOutcome:
    """Score a day by every definition with its champion, and pin those models to the day.

    A day that was scored before uses the same models again. Otherwise they are the champions of that day: a
    model trained later never scores it.

    Raises
    ------
    ContractBreach
        If there is no champion for the definition in force, the day was built for another definition, or the
        features do not fit the model.
    DamagedFile
        If a model's signature or golden rows do not verify.
    GateFailure
        If a score is unsound; nothing is written.
    SupersededRun
        If a newer run of the same day has begun; nothing is written.
    """
    ledger.assert_epoch_current(run)
    definitions = load_definitions(settings.dbt_project)
    in_force = definition_in_force(definitions, settings.definition_id)
    versions = {one.definition_id: _model_of(settings, ledger, as_of_date, one) for one in definitions}
    version = versions[in_force.definition_id]
    if version is None:
        sunday = training_date(as_of_date)
        raise ContractBreach(
            f"No model of {settings.source} is champion for {in_force.definition_id} on {as_of_date}",
            None,
            f"train first: `python -m ml train --as-of {sunday}`",
        )
    with open_build(settings) as connection:
        prepare_tables(connection)
        check_population(connection, as_of_date, in_force)
        outcome = score(
            connection,
            as_of_date=as_of_date,
            model=load_model(version, settings.models),
            run_id=run.run_id,
            themes=load_themes(settings.dbt_project / "seeds" / "reason_texts.csv"),
            progress=progress,
        )
        for definition in definitions:
            of_definition = versions[definition.definition_id]
            if definition == in_force:
                repeat_scores(connection, as_of_date, definition)
            elif of_definition is not None:
                model = load_model(of_definition, settings.models)
                score_definition(connection, as_of_date, definition, model, run.run_id)
    for definition_id, used in versions.items():
        if used is not None:
            ledger.use_model(settings.source, as_of_date, definition_id, used, run.run_id)
    return outcome


def _model_of(settings: Settings, ledger: Ledger, as_of_date: date, definition: Definition) -> str | None:
    """Return the version that scores a day by a definition: the one it is pinned to, else the champion."""
    pinned = ledger.model_for_day(settings.source, as_of_date, definition.definition_id)
    if pinned is not None:
        return pinned.model_version
    champion = ledger.champion_for(settings.source, definition.definition_id, as_of_date)
    return champion.model_version if champion else None

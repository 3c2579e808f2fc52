"""Watch a scored day: write `ml.model_health`, say what is an alarm, and whether training is wanted."""

from collections.abc import Callable
from datetime import date, timedelta

from ml.calendar import MIN_HISTORY_DAYS
from ml.dataset import first_data_day, snapshots_built
from ml.drift_checks import DAYS_NEARBY
from ml.health import RETRAINING_CHECKS, watch
from ml.registry import load_metadata, load_model
from ml.tables import HEALTH, HEALTH_COLUMNS, prepare_tables, replace_rows
from warehouse.connections import open_build
from warehouse.definitions import definition_in_force, load_definitions
from warehouse.errors import ContractBreach
from warehouse.ledger import Alarm, Ledger, Run
from warehouse.settings import Settings
from warehouse.sources import load_source

Progress = Callable[[str], None]
RETRAINING_WANTED = "retraining_wanted"
# The week's own training comes every seven days; alarms add one more at most.
RETRAINING_PAUSE_DAYS = 7


def watch_day(
    settings: Settings, ledger: Ledger, run: Run, as_of_date: date, progress: Progress = lambda _line: None
) -> list[Alarm]:
    """Watch a scored and tiered day, replace its rows of `ml.model_health`, and return its alarms.

    Safe to run again: the same data give the same rows.

    Raises
    ------
    ContractBreach
        If the day was not scored.
    DamagedFile
        If the model's signature or golden rows do not verify.
    SupersededRun
        If a newer run of the same day has begun; nothing is written.
    """
    ledger.assert_epoch_current(run)
    use = ledger.model_for_day(settings.source, as_of_date, settings.definition_id)
    if use is None:
        raise ContractBreach(f"{as_of_date} was not scored", None, "score the day, then watch it")
    model = load_model(use.model_version, settings.models)
    learnt_from = load_metadata(use.model_version, settings.models)["training_snapshots"]
    with open_build(settings) as connection:
        prepare_tables(connection)
        health = watch(
            connection,
            as_of_date=as_of_date,
            model=model,
            training_snapshots=[date.fromisoformat(day) for day in learnt_from],
            definition=definition_in_force(load_definitions(settings.dbt_project), settings.definition_id),
            freshness_days=load_source(settings.source, settings.dbt_project).freshness_days,
            run_id=run.run_id,
        )
        replace_rows(connection, HEALTH, HEALTH_COLUMNS, health, {"as_of_date": as_of_date})
    raised = health.loc[health["is_alarm"], ["check_kind", "subject", "message"]].astype(str)
    progress(f"{len(health)} checks of {as_of_date}, {len(raised)} alarms")
    return [
        Alarm(settings.source, as_of_date, kind, subject, message)
        for kind, subject, message in raised.itertuples(index=False)
    ]


def days_missing(settings: Settings, trained_as_of: date) -> list[date]:
    """Return the days that the watch of a model compares with and that are not built.

    Those are the day of the training, and a fortnight around the newest snapshot. Where every day is built
    as it comes, none is missing; none is wanted where history is too short for that snapshot.
    """
    newest = trained_as_of - timedelta(days=settings.horizon_days)
    with open_build(settings) as connection:
        first = first_data_day(connection, trained_as_of)
        if first is None:
            return []
        first_learnable = first + timedelta(days=MIN_HISTORY_DAYS - 1)
        around = {newest + timedelta(days=step) for step in range(-DAYS_NEARBY, DAYS_NEARBY + 1)}
        known = {day for day in around if first_learnable <= day <= trained_as_of}
        return sorted((known | {trained_as_of}) - snapshots_built(connection)) if newest in known else []


def retraining_wanted(
    settings: Settings, ledger: Ledger, as_of_date: date, alarms: list[Alarm]
) -> Alarm | None:
    """Return the alarm that asks for training, or None.

    It is asked for when a check of `RETRAINING_CHECKS` alarms; once per model, since a model that stayed
    champion after that stays for a reason, and not again within a week, whatever model scores by then.
    """
    reasons = [alarm for alarm in alarms if alarm.kind in RETRAINING_CHECKS]
    use = ledger.model_for_day(settings.source, as_of_date, settings.definition_id)
    if not reasons or use is None:
        return None
    for asked in ledger.alarms(settings.source, last_day=as_of_date, kind=RETRAINING_WANTED):
        is_recent = asked.as_of_date > as_of_date - timedelta(days=RETRAINING_PAUSE_DAYS)
        if asked.as_of_date < as_of_date and (is_recent or asked.subject == use.model_version):
            return None
    first = reasons[0]
    more = f" and {len(reasons) - 1} more" if len(reasons) > 1 else ""
    message = f"Training is wanted because of {first.kind} of {first.subject}{more}."
    return Alarm(settings.source, as_of_date, RETRAINING_WANTED, use.model_version, message)


def standing_alarms(ledger: Ledger, source: str, as_of_date: date) -> tuple[Alarm, ...]:
    """Return the alarms about the model in the week up to a day: reasons to renew it (`ml.promotion`)."""
    week = ledger.alarms(
        source, first_day=as_of_date - timedelta(days=RETRAINING_PAUSE_DAYS - 1), last_day=as_of_date
    )
    return tuple(alarm for alarm in week if alarm.kind in RETRAINING_CHECKS)

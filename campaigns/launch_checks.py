"""May anything of a day be sent? Only what is published, newest, fresh, sound, and asked for by the line."""

from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from warehouse.errors import ContractBreach, DamagedFile, GateFailure
from warehouse.ledger import Ledger, Run
from warehouse.publish import Manifest, daily_snapshot, verify_snapshot
from warehouse.publish.durable import sha256_of
from warehouse.publish.manifest import MANIFEST_NAME
from warehouse.settings import Settings
from warehouse.sources import load_source

# What a run must not have been started by if it is to write to anybody.
HISTORY = ("backfill", "replay")
# A list that was refreshed during the day is the same decision: nobody is chosen anew.
NO_DECISION = ("refresh",)


def check_snapshot(settings: Settings, run: Run, snapshot: Path) -> Manifest:
    """Verify a snapshot and that it is of the run's day; returns its manifest.

    Raises
    ------
    DamagedFile
        If a file of it is missing, was added or has other bytes.
    ContractBreach
        If it is of another shop or another day.
    """
    manifest = verify_snapshot(snapshot)
    found, wanted = (manifest.source, manifest.as_of_date), (settings.source, run.as_of_date)
    if found != wanted:
        raise ContractBreach(
            f"The snapshot {snapshot.name} is not of {run.source} on {run.as_of_date}",
            f"{manifest.source} on {manifest.as_of_date}",
            "nothing is sent of any day but the newest published one",
        )
    return manifest


def check_may_send(
    settings: Settings, ledger: Ledger, run: Run, snapshot: Path, manifest: Manifest, *, now: datetime
) -> None:
    """Make sure that the decisions of a snapshot may reach users.

    Raises
    ------
    SupersededRun
        If a newer run of the same kind and day has begun.
    ContractBreach
        If a run of the past asks, or the snapshot was never published.
    GateFailure
        If the snapshot is not the newest published one, or its day is not fresh.
    DamagedFile
        If the snapshot is not the one that was recorded.
    """
    ledger.assert_epoch_current(run)
    if manifest.is_intraday:
        raise ContractBreach(
            f"The snapshot {snapshot.name} was refreshed during the day, and decides nothing",
            manifest.run_id,
            f"nothing; the daily list {manifest.derived_from} decides, once",
        )
    if run.trigger in HISTORY:
        raise ContractBreach(
            f"Run {run.run_id} works on the past, and nothing of the past is sent", run.trigger, "nothing"
        )
    _check_published(settings, ledger, snapshot, manifest)
    _check_fresh(ledger, manifest, now, settings.fresh_days)


def why_not(
    settings: Settings, ledger: Ledger, run: Run, snapshot: Path, manifest: Manifest, *, now: datetime
) -> str | None:
    """Return why nothing would be sent, in a sentence; None if it would. For dry runs."""
    try:
        check_may_send(settings, ledger, run, snapshot, manifest, now=now)
    except (ContractBreach, GateFailure, DamagedFile) as refusal:
        return str(refusal)
    return None


def _check_published(settings: Settings, ledger: Ledger, snapshot: Path, manifest: Manifest) -> None:
    publish = ledger.find_publish(manifest.run_id)
    if publish is None or publish.state != "done":
        raise ContractBreach(
            f"The snapshot {snapshot.name} was never published",
            publish.state if publish else None,
            "publish the day: only what readers see is sent",
        )
    if sha256_of(snapshot / MANIFEST_NAME) != publish.manifest_sha256:
        raise DamagedFile(
            f"The manifest of {snapshot} is not the one that was recorded", None, "publish the day again"
        )
    newest = ledger.newest_publish(manifest.source, leaving_out=NO_DECISION)
    newest_id = newest.run_id if newest else None
    served = daily_snapshot(settings).name
    if not newest_id == served == manifest.run_id:
        raise GateFailure(
            f"The snapshot {snapshot.name} is not the newest that is published",
            f"newest {newest_id}, served {served}",
            "nothing; the newest published day decides",
        )


def _check_fresh(ledger: Ledger, manifest: Manifest, now: datetime, fresh_days: int) -> None:
    day = manifest.as_of_date
    today = _shop_day(manifest.source, now)
    age = (today - day).days
    if not 0 <= age <= fresh_days:
        raise GateFailure(
            f"What was decided for {day} is not fresh on {today}: nothing of it is sent",
            f"{age} days",
            f"run the newest day; a day is acted on for {fresh_days} days (HOLDFAST_FRESH_DAYS)",
        )
    accepted = ledger.deliveries(manifest.source, status="accepted")
    later = max((one.delivery_date for one in accepted), default=day)
    if day < later <= today:
        raise GateFailure(
            f"A later day than {day} has been delivered: the newest day decides whom to reach",
            str(later),
            "nothing; the run of the later day sends",
        )


def _shop_day(source: str, now: datetime) -> date:
    return now.astimezone(ZoneInfo(load_source(source).time_zone)).date()

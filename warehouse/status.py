"""One screen: deliveries, built days, what is published, what is open."""

from collections import Counter

from warehouse.ledger import Ledger
from warehouse.publish.pointer import served_run_id
from warehouse.settings import Settings

SHOWN = 5


def status(settings: Settings, ledger: Ledger) -> str:
    """Return the state of the active source as text of about one screen."""
    sections = [
        f"{settings.source} in {settings.home}",
        _deliveries(settings, ledger),
        _built_days(settings, ledger),
        _published(settings, ledger),
        _models(settings, ledger),
        _runs(settings, ledger),
    ]
    return "\n\n".join(sections)


def _deliveries(settings: Settings, ledger: Ledger) -> str:
    deliveries = ledger.deliveries(settings.source)
    if not deliveries:
        return f"deliveries   none yet; put files into {settings.landing}/<YYYY-MM-DD>/"
    counts = Counter(delivery.status for delivery in deliveries)
    received, accepted, quarantined, duplicate = (
        sum(getattr(delivery, f"rows_{word}") for delivery in deliveries)
        for word in ("received", "accepted", "quarantined", "duplicate")
    )
    lines = [
        "deliveries   " + ", ".join(f"{count:,} {word}" for word, count in sorted(counts.items())),
        f"             {received:,} rows received = {accepted:,} accepted + {quarantined:,} quarantined "
        f"+ {duplicate:,} duplicate",
    ]
    lines += [
        f"             {delivery.delivery_date}  {delivery.status:<9} {delivery.rows_received:>10,} rows"
        f"  {delivery.reason or ''}"
        for delivery in deliveries[-SHOWN:]
    ]
    return "\n".join(lines)


def _built_days(settings: Settings, ledger: Ledger) -> str:
    days = ledger.built_days(settings.source)
    if not days:
        return "built days   none yet"
    return f"built days   {len(days):,}, from {days[0].as_of_date} to {days[-1].as_of_date}"


def _published(settings: Settings, ledger: Ledger) -> str:
    served = served_run_id(settings)
    if served is None:
        return "published    nothing yet"
    publish = ledger.find_publish(served)
    as_of = publish.as_of_date if publish else "a day this ledger does not know"
    lines = [f"published    run {served}, as of {as_of}"]
    others = [other for other in ledger.publishes() if other.run_id != served]
    lines += [
        f"             before: run {other.run_id}, as of {other.as_of_date}"
        for other in others[-1 : -SHOWN - 1 : -1]
        if (settings.published / other.snapshot_path).is_dir()
    ]
    return "\n".join(lines)


def _models(settings: Settings, ledger: Ledger) -> str:
    models = ledger.models(settings.source)
    if not models:
        return "models       none yet"
    mine = [model for model in models if model.definition_id == settings.definition_id]
    champion = next((model for model in reversed(mine) if model.status == "champion"), None)
    if champion is None:
        return f"models       {len(models):,}; no champion for {settings.definition_id} yet"
    return (
        f"models       {len(models):,}; champion {champion.model_version}, {champion.kind}, "
        f"trained as of {champion.trained_as_of}"
    )


def _runs(settings: Settings, ledger: Ledger) -> str:
    running = [run for run in ledger.recent_runs(settings.source) if run.status == "running"]
    failures = ledger.open_failures(settings.source)
    lines = [f"running      {run.kind} of {run.as_of_date}, run {run.run_id}" for run in running] or [
        "running      nothing"
    ]
    lines += [
        f"failed       {run.kind} of {run.as_of_date}, run {run.run_id}\n             {run.reason}"
        for run in failures[:SHOWN]
    ] or ["failed       nothing open"]
    if len(failures) > SHOWN:
        lines.append(f"             and {len(failures) - SHOWN:,} more; see {settings.reports}")
    return "\n".join(lines)

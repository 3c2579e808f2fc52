"""People are told: notifiers for failed tasks and for risk alerts, and the day's digest."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from airflow.sdk import BaseNotifier, CronTriggerTimetable, get_current_context, task

from dags.wiring.runs import OpenedRun, opened_ledger
from warehouse.errors import SettingsError

DIGEST_AT = "HOLDFAST_NOTICE_DIGEST_AT"
DIGEST_AT_DEFAULT = "08:00 UTC"


class TellEngineers(BaseNotifier):
    """Tells data engineers that a task failed for good (an on_failure_callback, called after the last try).

    A receiver that is down fails nothing: the notice waits.
    """

    def notify(self, context: Mapping[str, Any]) -> None:
        """Tell them of the context's task."""
        from dags.wiring.failures import opened_runs
        from warehouse.notices import tell_failure

        ti = context["ti"]
        tries = int(getattr(ti, "try_number", 1) or 1)
        days = [run["as_of_date"] for run in opened_runs(context) or []]
        with opened_ledger() as (settings, ledger):
            tell_failure(
                settings,
                ledger,
                f"{ti.dag_id}.{ti.task_id}",
                f"{getattr(ti, 'run_id', '')}:{tries}",
                context.get("exception"),
                as_of_date=", ".join(days),
                tries=tries,
            )


class TellServiceTeam(BaseNotifier):
    """Tells the service team of risk alerts.

    Parameters
    ----------
    run_id : str
        The ledger's run that raised them.
    alerts : sequence of mapping
        With the columns of ``risk_alerts``.
    """

    def __init__(self, run_id: str, alerts: Sequence[Mapping[str, Any]]) -> None:
        super().__init__()
        self.run_id = run_id
        self.alerts = alerts

    def notify(self, context: Mapping[str, Any]) -> None:  # noqa: ARG002
        """Tell them, one message per kind."""
        from warehouse.notices import tell_risk_alerts

        with opened_ledger() as (settings, ledger):
            tell_risk_alerts(settings, ledger, ledger.run(self.run_id), self.alerts)


@task
def tell_service_team(done: dict[str, Any]) -> int:
    """Tell the service team of a refresh's new alerts. Returns how many alerts."""
    alerts: list[dict[str, Any]] = done["alerts"]
    if alerts:
        TellServiceTeam(done["run_id"], alerts)(get_current_context())
    return len(alerts)


@task
def tell_alerts_of_the_day(opened: list[OpenedRun]) -> int:
    """Tell the service team of the alerts that the day's list raised itself. Returns how many alerts.

    A replay tells nobody, and neither does a list that readers do not see.
    """
    from warehouse.notices import alerts_raised_by
    from warehouse.publish import served_run_id

    context = get_current_context()
    if not context["params"].get("announce", True):
        return 0
    with opened_ledger() as (settings, ledger):
        run = ledger.run(opened[-1]["run_id"])
        if served_run_id(settings) != run.run_id:
            return 0
        alerts = alerts_raised_by(settings, run)
    if alerts:
        TellServiceTeam(run.run_id, alerts)(context)
    return len(alerts)


@task
def tell_day() -> int:
    """Tell both teams how the day stands, and bring out what waits. Returns messages that are new."""
    from warehouse.notices import tell_digest

    with opened_ledger() as (settings, ledger):
        return tell_digest(settings, ledger)


def daily_at(text: str) -> CronTriggerTimetable:
    """Return the schedule of every day at an hour.

    Parameters
    ----------
    text : str
        Hour, minute and zone: ``08:00 Europe/London``.

    Raises
    ------
    SettingsError
        If it cannot be read.
    """
    clock, _, zone_name = text.strip().partition(" ")
    try:
        zone = ZoneInfo(zone_name or "UTC")
        hour, minute = (int(part) for part in clock.split(":"))
        at = dt.time(hour, minute)
    except (ValueError, KeyError, OSError) as error:
        raise SettingsError(
            f"{DIGEST_AT} must be an hour and a zone", text, f"for instance {DIGEST_AT}='08:00 Europe/London'"
        ) from error
    return CronTriggerTimetable(f"{at.minute} {at.hour} * * *", timezone=zone.key)

"""An alert when a list is not out by the hour at which marketing pulls it."""

import asyncio
import datetime as dt
import logging
import os
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import BaseDeadlineReference, DeadlineAlert

from warehouse.errors import SettingsError
from warehouse.settings import Settings

log = logging.getLogger(__name__)

NEEDED_BY = "HOLDFAST_LIST_NEEDED_BY"
NEEDED_BY_DEFAULT = "07:00 UTC"


class NextPull(BaseDeadlineReference):
    """The next time at which marketing pulls the list (HOLDFAST_LIST_NEEDED_BY), seen from a run's start."""

    def _evaluate_with(self, *, session: Any, **_run: Any) -> dt.datetime:  # noqa: ARG002
        return next_pull(dt.datetime.now(dt.UTC), os.environ.get(NEEDED_BY) or NEEDED_BY_DEFAULT)


def next_pull(now: dt.datetime, needed_by: str) -> dt.datetime:
    """Return the first moment after `now` at which the clock shows what `needed_by` says.

    Parameters
    ----------
    now : datetime
        With a zone.
    needed_by : str
        Hour, minute and zone: ``07:00 Europe/London``.

    Raises
    ------
    SettingsError
        If `needed_by` cannot be read.

    Examples
    --------
    >>> next_pull(dt.datetime(2026, 7, 1, 6, 30, tzinfo=dt.UTC), "07:00 Europe/London").isoformat()
    '2026-07-02T06:00:00+00:00'
    """
    clock, _, zone_name = needed_by.strip().partition(" ")
    try:
        zone = ZoneInfo(zone_name or "UTC")
        hour, minute = (int(part) for part in clock.split(":"))
        at = dt.time(hour, minute)
    except (ValueError, KeyError, OSError) as error:
        raise SettingsError(
            f"{NEEDED_BY} must be an hour and a zone",
            needed_by,
            f"for instance {NEEDED_BY}='07:00 Europe/London'",
        ) from error
    today = now.astimezone(zone).date()
    # wall clock time in the shop's zone: days on which clocks change are 23 or 25 hours long
    moments = (dt.datetime.combine(today + dt.timedelta(days=days), at, zone) for days in (0, 1))
    return next(moment.astimezone(dt.UTC) for moment in moments if moment > now)


async def say_list_is_late(context: Mapping[str, Any]) -> None:
    """Write into reports/late.md that a list is late, and tell data engineers (called in the triggerer)."""
    run = context["dag_run"]
    if run.get("run_type") != "asset_triggered":
        return
    settings = Settings.from_environment()
    needed_by = os.environ.get(NEEDED_BY) or NEEDED_BY_DEFAULT
    line = (
        f"- {dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC: run `{run['dag_run_id']}` of `{run['dag_id']}` is "
        f"not through, and marketing pulls at {needed_by}. Readers keep the list before it. "
        f"To do: docs/runbook.md#{run['dag_id']}\n"
    )
    log.error("%s", line.strip())
    settings.reports.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (settings.reports / "late.md").open("a", encoding="utf-8") as late:
        late.write(line)
    # it waits for receivers: the triggerer goes on meanwhile
    await asyncio.to_thread(_tell_engineers, settings, run["dag_id"], run["dag_run_id"], needed_by)


def _tell_engineers(settings: Settings, dag_id: str, run_id: str, needed_by: str) -> None:
    from warehouse.ledger import Ledger
    from warehouse.notices import tell_late_list

    with Ledger.open(settings) as ledger:
        tell_late_list(settings, ledger, dag_id, run_id, needed_by)


LIST_IS_OUT_IN_TIME = DeadlineAlert(
    name="the list is out before marketing pulls it",
    reference=NextPull(),
    interval=dt.timedelta(0),
    callback=AsyncCallback(say_list_is_late),
)

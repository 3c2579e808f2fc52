"""The tasks of refresh_risk."""

import logging
from dataclasses import asdict
from typing import Any

from airflow.sdk import get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

from dags.wiring.announce import announce
from dags.wiring.assets import RISK_ALERTS
from dags.wiring.defaults import WRITER_POOL
from dags.wiring.runs import opened_ledger, trigger_of

log = logging.getLogger(__name__)


@task(pool=WRITER_POOL)
def refresh_touched_users() -> dict[str, Any]:
    """Do one round of the refresh.

    Returns
    -------
    dict
        What `dags.wiring.refreshing.Refreshed` holds; ``alerts`` are those nobody was told of yet, without
        personal data but the user's pseudonym.

    Raises
    ------
    AirflowSkipException
        If there is nothing to do, or a daily run has the writer: the next round makes up for it.
    """
    from dags.wiring.refreshing import refresh
    from warehouse.intraday import NotNow

    trigger = trigger_of(get_current_context()["dag_run"])
    with opened_ledger() as (settings, ledger):
        try:
            done = refresh(settings, ledger, trigger=trigger)
        except NotNow as reason:
            raise AirflowSkipException(str(reason)) from reason
    log.info("%s", done)
    alerts = [
        {**asdict(one), "since_date": one.since_date.isoformat(), "raised_at": one.raised_at.isoformat()}
        for one in done.alerts
    ]
    return {**asdict(done), "alerts": alerts}


@task(outlets=[RISK_ALERTS])
def announce_alerts(done: dict[str, Any]) -> None:
    """Say which alerts are new to those who tell people; the event names them."""
    alert_ids = [one["alert_id"] for one in done["alerts"]]
    days = [done["as_of_date"]] if alert_ids else []
    announce(RISK_ALERTS, days, alert_ids=alert_ids, run_ids=[done["run_id"]])


@task(pool=WRITER_POOL)
def remember_announced(done: dict[str, Any]) -> int:
    """Remember that they were named, so that the next round does not name them again. Returns how many."""
    from warehouse.intraday.memory import mark_told

    alert_ids = [one["alert_id"] for one in done["alerts"]]
    with opened_ledger() as (settings, _):
        mark_told(settings, alert_ids)
    return len(alert_ids)

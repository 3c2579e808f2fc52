"""Look at what has landed since the list was made, and warn of whom it touches.

**When**: every 15 minutes. By hand: trigger it, or `make refresh`.
**Writes**: what has landed is ingested as usual; touched users' features, scores and tiers into
`warehouse/<source>/intraday.duckdb`; an intraday snapshot under `published/`, which readers see at once;
`risk_alerts`. Announces the asset `risk_alerts` with the new alerts and tells the service team
(docs/notices.md). The build file's tables stay as they are.
**Skips its round** when nothing landed, or while a daily run has the writer or is not through: its list
comes first, and the next round makes up for it. A backfill raises no alerts.
**If it fails**: docs/runbook.md#refresh_risk. Safe to rerun: an alert is raised once per user, kind and
cause, and campaigns never start from a refreshed list.
"""

from airflow.sdk import CronTriggerTimetable, chain, dag

from dags.wiring.defaults import DAG_DEFAULTS
from dags.wiring.notices import tell_service_team
from dags.wiring.refresh_tasks import announce_alerts, refresh_touched_users, remember_announced


# Every 15 minutes: a complaint is answered within the hour. Rounds never queue up behind one another.
@dag(schedule=CronTriggerTimetable("*/15 * * * *", timezone="UTC"), doc_md=__doc__, **DAG_DEFAULTS)
def refresh_risk() -> None:
    """Refresh, name the new alerts, tell the service team, remember that they were named."""
    done = refresh_touched_users()
    chain(done, announce_alerts(done), tell_service_team(done), remember_announced(done))


refresh_risk()

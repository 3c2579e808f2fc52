"""Run past days again: features, then scores and tiers, day by day.

**When**: only in a backfill, `airflow backfill create --dag-id replay_past_days --from-date 2011-08-01
--to-date 2011-08-31 --max-active-runs 1`; no clock starts it.
**Writes**: what `build_user_features` and `score_churn_risk` write for each day, and a snapshot per
day. Never moves the pointer that readers follow, and announces nothing to other DAGs.
**If it fails**: docs/runbook.md#replay_past_days. Safe to rerun: a day gives the same rows again, in
any order.
"""

from airflow.sdk import CronPartitionTimetable, chain, dag

from dags.wiring.defaults import DAG_DEFAULTS, START_DATE
from dags.wiring.replay_tasks import only_in_a_backfill, replay


# One run per day of the shop, named by the day. The schedule ended before it began, so that only
# backfills make runs.
@dag(
    schedule=CronPartitionTimetable("0 0 * * *", timezone="UTC", key_format="%Y-%m-%d"),
    end_date=START_DATE,
    doc_md=__doc__,
    **DAG_DEFAULTS,
)
def replay_past_days() -> None:
    """Build the day's features again, then score it again."""
    day = only_in_a_backfill()
    chain(day, replay("build_user_features"), replay("score_churn_risk"))


replay_past_days()

"""Learn from the warehouse's own experiments whom each campaign helps.

**When**: Mondays at 05:00 UTC, after the churn model. By hand: trigger with `as_of_date`.
**Writes**: models under `models/`, `ml.uplift_report` in the build file. A model decides whom to treat only
where its evidence is better than the seeds' order; until then the report says why not.
**If it fails**: docs/runbook.md#train_uplift_model. Safe to rerun: the same data give the same model.
"""

from airflow.sdk import CronTriggerTimetable, dag

from dags.wiring.campaign_tasks import learn_uplift, open_uplift_run
from dags.wiring.defaults import DAG_DEFAULTS, day_params


# Mondays at five: two hours after the churn model began.
@dag(
    schedule=CronTriggerTimetable("0 5 * * 1", timezone="UTC"),
    params=day_params(),
    doc_md=__doc__,
    **DAG_DEFAULTS,
)
def train_uplift_model() -> None:
    """Train on every experiment that is old enough."""
    learn_uplift(open_uplift_run())


train_uplift_model()

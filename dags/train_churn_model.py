"""Train on the weekly grid, hold the contest and decide on the champion, for every definition of churn.

**When**: Mondays at 03:00 UTC for the last built day; when `score_churn_risk` finds that its day has no
model yet; when an alarm about the model asks for it (`retraining_wanted`), for the alarm's day. By
hand: trigger with `as_of_date`; it is moved back to the Sunday before.
**Writes**: missing feature snapshots and `features.training_labels` in the build file, models under
`models/`, how good they are in the report tables of `ml`, the decisions in the ledger, trials in MLflow,
`reports/model_card.md`. Announces the asset `churn_model`.
**A challenger without a reason to be champion** is kept with its numbers and not used.
**If it fails**: docs/runbook.md#train_churn_model. Safe to rerun: the same data give the same model.
"""

from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable, chain, dag

from dags.wiring.assets import RETRAINING_WANTED
from dags.wiring.dbt_group import dbt_models
from dags.wiring.defaults import DAG_DEFAULTS, day_params
from dags.wiring.training_tasks import (
    announce_model,
    build_missing_snapshots,
    open_training_run,
    train_and_register,
)


# Mondays at three in the morning: the week's last day (Sunday) has been delivered by then.
@dag(
    schedule=AssetOrTimeSchedule(
        timetable=CronTriggerTimetable("0 3 * * 1", timezone="UTC"), assets=[RETRAINING_WANTED]
    ),
    params=day_params(),
    doc_md=__doc__,
    **DAG_DEFAULTS,
)
def train_churn_model() -> None:
    """Make the snapshots and labels, then train on them."""
    runs = open_training_run()
    chain(
        build_missing_snapshots(runs),
        dbt_models("labels", selector="labels"),
        train_and_register(runs),
        announce_model(runs),
    )


train_churn_model()

"""Score every eligible user, make the risk tiers and publish them.

**When**: `user_features` changes; the event says which days. By hand: trigger with `as_of_date`.
**Writes**: `ml.churn_scores`, `risk.*`, `campaigns.*`, `reporting.*` and `ml.model_health` in the build
file, then a snapshot under `published/`; readers see it if it is newer than what they see. Announces the
asset `risk_tiers`, and `retraining_wanted` when an alarm about the model asks for it.
**Gates**: scores before the tiers, risk and campaigns before publishing. A red gate keeps the old list.
**People**: the service team is told of the day's risk alerts, once the list is out.
**The watch** raises alarms and stops nothing; also where it fails itself, the list goes out.
**If it fails**: docs/runbook.md#score_churn_risk. Safe to rerun: model and earlier tiers are pinned
per day, and a run that was overtaken by a newer one of its day does not publish.
"""

from airflow.sdk import chain, dag

from dags.wiring.assets import USER_FEATURES
from dags.wiring.dbt_group import dbt_models
from dags.wiring.deadline import LIST_IS_OUT_IN_TIME
from dags.wiring.defaults import DAG_DEFAULTS, day_params
from dags.wiring.gate_tasks import check_gate, check_risk_tables
from dags.wiring.notices import tell_alerts_of_the_day
from dags.wiring.publish_tasks import announce_risk, copy_ledger_facts, publish_snapshot
from dags.wiring.runs import open_runs
from dags.wiring.scoring_tasks import (
    catch_up_missed_days,
    choose_actions,
    is_training_due,
    score_users,
    train_first,
)
from dags.wiring.watch_tasks import announce_retraining, tell_alarms, watch_model


@dag(
    schedule=[USER_FEATURES],
    params=day_params(),
    deadline=LIST_IS_OUT_IN_TIME,
    doc_md=__doc__,
    **DAG_DEFAULTS,
)
def score_churn_risk() -> None:
    """Train if the week has no model, score, tier, check, watch, publish."""
    runs = open_runs("score")
    newest = catch_up_missed_days(runs)
    checked = check_risk_tables(newest)
    published = publish_snapshot(newest)
    chain(
        is_training_due(runs),
        train_first(),
        newest,
        score_users(newest),
        check_gate.override(task_id="check_scores")("scores", newest),
        copy_ledger_facts(newest),
        dbt_models("risk", selector="risk", runs_from="catch_up_missed_days"),
        choose_actions(newest),
        checked,
        watch_model(newest),
        tell_alarms(newest),
        published,
        [announce_risk(runs), announce_retraining(newest), tell_alerts_of_the_day(newest)],
    )
    # the alarms are told whatever happened: it is this gate that publishing depends on
    checked >> published


score_churn_risk()

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from warehouse.settings import REPOSITORY

DAG_IDS = {
    "ingest_deliveries",
    "build_user_features",
    "train_churn_model",
    "score_churn_risk",
    "replay_past_days",
    "run_retention_campaigns",
    "deliver_outbox",
    "measure_campaign_effects",
    "train_uplift_model",
    "send_daily_digest",
    "refresh_risk",
}
# what opens the build file, by DAG; the producers are those of Cosmos
WRITERS = {
    "ingest_deliveries": {"ingest_landed"},
    "build_user_features": {"check_raw_tables", "features.dbt_producer_watcher", "check_features"},
    "train_churn_model": {"build_missing_snapshots", "labels.dbt_producer_watcher", "train_and_register"},
    "score_churn_risk": {
        "catch_up_missed_days",
        "score_users",
        "check_scores",
        "copy_ledger_facts",
        "risk.dbt_producer_watcher",
        "choose_actions",
        "check_risk_tables",
        "watch_model",
        "publish_snapshot",
    },
    "replay_past_days": set(),
    # what is sent is read from what was published: it waits for no writer
    "run_retention_campaigns": set(),
    "deliver_outbox": set(),
    "measure_campaign_effects": {
        "copy_campaign_facts",
        "effects.dbt_producer_watcher",
        "tell_campaign_alarms",
    },
    "train_uplift_model": {"learn_uplift"},
    "send_daily_digest": set(),
    "refresh_risk": {"refresh_touched_users", "remember_announced"},
}
ASSET_SCHEDULES = {
    "ingest_deliveries": {"landed_deliveries"},
    "build_user_features": {"raw_deliveries"},
    "score_churn_risk": {"user_features"},
    "run_retention_campaigns": {"risk_tiers"},
    "measure_campaign_effects": {"risk_tiers"},
}


def watchers_of(dag: Any) -> list[Any]:
    from cosmos.operators._watcher.base import BaseConsumerSensor

    return [task for task in dag.tasks if isinstance(task, BaseConsumerSensor)]


def assets_of(dag: Any) -> list[Any]:
    return list(dag.timetable.asset_condition.objects)


def test_exactly_these_dags_are_there_and_import(bag: Any) -> None:
    assert bag.import_errors == {}
    assert set(bag.dags) == DAG_IDS


@pytest.mark.parametrize("dag_id", sorted(DAG_IDS))
def test_what_opens_the_build_file_takes_the_writers_pool_and_nothing_else_does(
    bag: Any, dag_id: str
) -> None:
    in_pool = {task.task_id for task in bag.dags[dag_id].tasks if task.pool == "warehouse_writer"}
    assert in_pool == WRITERS[dag_id]
    assert all(task.pool_slots == 1 for task in bag.dags[dag_id].tasks)


def test_the_writers_pool_has_one_slot(bag: Any) -> None:
    from airflow.models.pool import Pool

    assert Pool.get_pool("warehouse_writer").slots == 1


@pytest.mark.parametrize(
    ("dag_id", "model"),
    [
        ("build_user_features", "user_features"),
        ("train_churn_model", "training_labels"),
        ("score_churn_risk", "at_risk_users"),
        ("score_churn_risk", "campaign_eligibility"),
        ("measure_campaign_effects", "campaign_effects"),
    ],
)
def test_every_model_is_seen_and_watched_without_retries(bag: Any, dag_id: str, model: str) -> None:
    watching = watchers_of(bag.dags[dag_id])
    assert model in {task.task_id.split(".")[-1].removesuffix("_run") for task in watching}
    assert {task.retries for task in watching} == {0}
    assert {task.pool for task in watching} == {"default_pool"}
    assert not any(task.on_failure_callback for task in watching)


def test_only_a_lock_is_worth_a_retry(bag: Any) -> None:
    from airflow.sdk import RetryAction

    from warehouse.errors import Busy, ContractBreach, GateFailure, SupersededRun

    policy = bag.dags["build_user_features"].get_task("check_features").retry_policy
    assert policy.evaluate(Busy("locked"), 1, 10).action is RetryAction.RETRY
    for hopeless in (ContractBreach("x"), GateFailure("x"), SupersededRun("x"), MemoryError()):
        assert policy.evaluate(hopeless, 1, 10).action is RetryAction.FAIL


@pytest.mark.parametrize("dag_id", sorted(DAG_IDS))
def test_every_dag_runs_one_at_a_time_and_never_catches_up(bag: Any, dag_id: str) -> None:
    dag = bag.dags[dag_id]
    assert dag.max_active_runs == 1
    assert dag.catchup is False


@pytest.mark.parametrize("dag_id", sorted(DAG_IDS))
def test_every_page_says_when_what_where_to_look_and_that_it_is_safe(bag: Any, dag_id: str) -> None:
    page = bag.dags[dag_id].doc_md
    for needed in ("**When**", "**Writes**", f"docs/runbook.md#{dag_id}", "Safe to rerun"):
        assert needed in page
    assert f"\n## {dag_id}\n" in (REPOSITORY / "docs" / "runbook.md").read_text()


@pytest.mark.parametrize("dag_id", sorted(ASSET_SCHEDULES))
def test_deliveries_and_results_trigger_the_line_not_the_clock(bag: Any, dag_id: str) -> None:
    assert {asset.name for asset in assets_of(bag.dags[dag_id])} == ASSET_SCHEDULES[dag_id]


def test_training_follows_the_week_and_alarms(bag: Any) -> None:
    timetable = bag.dags["train_churn_model"].timetable
    assert [asset.name for asset in timetable.asset_condition.objects] == ["retraining_wanted"]
    assert timetable.timetable.expression == "0 3 * * 1"


def test_the_landing_folder_is_watched(bag: Any) -> None:
    (asset,) = assets_of(bag.dags["ingest_deliveries"])
    (watcher,) = asset.watchers
    assert type(watcher.trigger).__name__ == "LandedDeliveries"


def test_each_stage_announces_its_own_asset(bag: Any) -> None:
    announced = {
        (dag_id, outlet.name)
        for dag_id, dag in bag.dags.items()
        for task in dag.tasks
        for outlet in task.outlets
    }
    assert announced == {
        ("ingest_deliveries", "raw_deliveries"),
        ("build_user_features", "user_features"),
        ("train_churn_model", "churn_model"),
        ("score_churn_risk", "risk_tiers"),
        ("score_churn_risk", "retraining_wanted"),
        ("run_retention_campaigns", "campaign_messages"),
        ("refresh_risk", "risk_alerts"),
    }


def test_nothing_leaves_the_build_file_before_its_gates(bag: Any) -> None:
    def upstream(dag_id: str, task_id: str) -> set[str]:
        return bag.dags[dag_id].get_task(task_id).get_flat_relative_ids(upstream=True)

    assert {"check_raw_tables", "check_features"} <= upstream("build_user_features", "record_built_days")
    assert "check_raw_tables" in upstream("build_user_features", "features.dbt_producer_watcher")
    assert {"check_scores", "check_risk_tables"} <= upstream("score_churn_risk", "publish_snapshot")
    assert "check_scores" in upstream("score_churn_risk", "risk.dbt_producer_watcher")
    assert "risk.dbt_producer_watcher" in upstream("score_churn_risk", "check_risk_tables")
    assert "choose_actions" in upstream("score_churn_risk", "check_risk_tables")


def test_the_list_needs_its_gate_and_never_the_watch(bag: Any) -> None:
    dag = bag.dags["score_churn_risk"]
    publish = dag.get_task("publish_snapshot")
    assert publish.trigger_rule == "all_success"
    assert {"check_risk_tables", "tell_alarms"} <= publish.upstream_task_ids
    assert "watch_model" not in publish.upstream_task_ids
    assert dag.get_task("tell_alarms").trigger_rule == "all_done"
    assert "watch_model" in dag.get_task("tell_alarms").upstream_task_ids
    assert "check_risk_tables" in dag.get_task("watch_model").upstream_task_ids


def test_training_that_an_alarm_asks_for_waits_for_the_list(bag: Any) -> None:
    announcing = bag.dags["score_churn_risk"].get_task("announce_retraining")
    assert "publish_snapshot" in announcing.upstream_task_ids


def test_a_failed_task_is_reported_whichever_it_is(bag: Any) -> None:
    from dags.wiring.failures import report_failure

    silent = {
        task.task_id
        for dag in bag.dags.values()
        for task in set(dag.tasks) - set(watchers_of(dag))
        if report_failure not in (task.on_failure_callback or ())
        and task.on_failure_callback is not report_failure
    }
    assert silent == set()


def test_a_replay_is_silent_and_leaves_readers_where_they_are(bag: Any) -> None:
    dag = bag.dags["replay_past_days"]
    for dag_id in ("build_user_features", "score_churn_risk"):
        conf = dag.get_task(f"replay_{dag_id}").conf
        assert conf["announce"] is False
        assert conf["move_pointer"] is False
        assert dag.get_task(f"replay_{dag_id}").wait_for_completion is True
    assert not any(task.outlets for task in dag.tasks)


def test_a_replay_has_no_way_to_send(bag: Any) -> None:
    triggered = {
        task.trigger_dag_id
        for task in bag.dags["replay_past_days"].tasks
        if task.task_id != "only_in_a_backfill"
    }
    assert triggered == {"build_user_features", "score_churn_risk"}
    assert not {"run_retention_campaigns", "deliver_outbox"} & {
        getattr(task, "trigger_dag_id", None) for dag in bag.dags.values() for task in dag.tasks
    }


def test_a_person_reads_how_many_would_be_reached_and_for_how_much(bag: Any) -> None:
    what_waits = bag.dags["run_retention_campaigns"].get_task("is_approval_needed").python_callable
    small = {"campaign_id": "education", "state": "released", "users": 30, "cost": 0.6, "reason": ""}
    large = {
        "campaign_id": "coupon",
        "state": "awaiting_approval",
        "users": 1424,
        "cost": 4282.9,
        "reason": "why",
    }
    assert what_waits([small, large]) == "- **coupon**: 1,424 users, expected cost 4,282.90 (why)"
    assert what_waits([small]) is False


def test_a_large_campaign_waits_for_a_person_and_silence_sends_nothing(bag: Any) -> None:
    dag = bag.dags["run_retention_campaigns"]
    asking = dag.get_task("approve_large_campaigns")
    assert asking.defaults == ["Reject"]
    assert asking.response_timeout.total_seconds() == 12 * 3600
    assert asking.upstream_task_ids == {"is_approval_needed"}
    assert dag.get_task("release_approved").upstream_task_ids == {"approve_large_campaigns", "open_runs"}
    # what needs no approval does not wait for it
    assert dag.get_task("write_lists").upstream_task_ids == {"open_runs", "record_campaigns"}
    # and what nobody approved is closed whatever happened
    closing = dag.get_task("close_unapproved")
    assert closing.trigger_rule == "none_failed"
    assert {"write_lists", "write_approved_lists"} <= closing.upstream_task_ids


def test_a_refresh_comes_every_quarter_of_an_hour_and_starts_no_campaign(bag: Any) -> None:
    dag = bag.dags["refresh_risk"]
    assert dag.timetable.expression == "*/15 * * * *"
    assert {task.task_id for task in dag.tasks} == {
        "refresh_touched_users",
        "announce_alerts",
        "tell_service_team",
        "remember_announced",
    }
    # told first, remembered afterwards: what is cut off in between is told again
    told = dag.get_task("remember_announced").get_flat_relative_ids(upstream=True)
    assert {"tell_service_team", "announce_alerts"} <= told
    (outlet,) = dag.get_task("announce_alerts").outlets
    waiting = {dag_id for dag_id in ASSET_SCHEDULES if outlet in assets_of(bag.dags[dag_id])}
    assert waiting == set()


def test_the_outbox_is_looked_at_every_few_minutes(bag: Any) -> None:
    assert bag.dags["deliver_outbox"].timetable.expression == "*/5 * * * *"


def test_dag_files_are_short_and_free_of_heavy_imports(manifest: Path) -> None:
    files = sorted(path for path in (REPOSITORY / "dags").glob("*.py") if path.stem in DAG_IDS)
    assert len(files) == len(DAG_IDS)
    for path in files:
        text = path.read_text()
        assert len(text.splitlines()) <= 80
        assert re.search(rf"^def {path.stem}\(\)", text, re.MULTILINE)
    names = ", ".join(f"dags.{path.stem}" for path in files)
    heavy = ("duckdb", "sklearn", "great_expectations", "pandas", "numpy", "dbt.cli.main", "pyarrow")
    code = f"import sys, {names}; print([name for name in {heavy!r} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.splitlines()[-1] == "[]"

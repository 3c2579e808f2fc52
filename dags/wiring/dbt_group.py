"""dbt through Cosmos: one `dbt build`, seen model by model.

One producer task runs the build and holds the writer's lock; one task per model watches it. Tests
run inside the build, so a model's dependants are not built on rows that failed a test.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from airflow.sdk import TaskGroup
from airflow.sdk.exceptions import AirflowException
from cosmos import DbtTaskGroup, ExecutionConfig, ProfileConfig, ProjectConfig, RenderConfig
from cosmos.constants import ExecutionMode, InvocationMode, LoadMode, TestBehavior
from cosmos.operators._watcher.base import BaseConsumerSensor
from cosmos.operators.watcher import DbtProducerWatcherOperator

from dags.wiring.defaults import WRITER_POOL
from dags.wiring.writer import release_writer_lock, take_writer_lock
from warehouse.errors import SettingsError
from warehouse.settings import Settings

OPEN_RUNS = "open_runs"
WATCH_SECONDS = 3


def dbt_models(group_id: str, selector: str) -> TaskGroup:
    """Build the models of a selector for the days of this DAG run.

    Parameters
    ----------
    group_id : str
        Name of the task group.
    selector : str
        A selector of dbt_project/selectors.yml.

    Returns
    -------
    TaskGroup
        With one task per model. The days come from the task `open_runs` of the same DAG.

    Raises
    ------
    SettingsError
        If the manifest that the tasks are drawn from was not written yet.
    """
    settings = Settings.from_environment()
    group = DbtTaskGroup(
        group_id=group_id,
        project_config=ProjectConfig(
            dbt_project_path=settings.dbt_project,
            manifest_path=_manifest(settings),
            install_dbt_deps=False,
        ),
        profile_config=ProfileConfig(
            profile_name="holdfast",
            target_name="build",
            profiles_yml_filepath=settings.dbt_project / "profiles.yml",
        ),
        execution_config=ExecutionConfig(
            execution_mode=ExecutionMode.WATCHER,
            invocation_mode=InvocationMode.DBT_RUNNER,
            setup_operator_args={
                "pool": WRITER_POOL,
                "interceptors": [_say_which_days, take_writer_lock],
                "callback": release_writer_lock,
                # TestBehavior.NONE leaves tests out of the build; they belong in it
                "dbt_cmd_flags": ["--resource-type", "test", "--resource-type", "unit_test"],
            },
        ),
        render_config=RenderConfig(
            load_method=LoadMode.DBT_MANIFEST,
            selector=selector,
            test_behavior=TestBehavior.NONE,
            # our own assets say what changed; those of Cosmos carry file paths
            emit_datasets=False,
        ),
        operator_args={"retries": 0, "poke_interval": WATCH_SECONDS, "pool": "default_pool"},
    )
    for task in group:
        _make_safe_to_clear(task)
    return group


def _manifest(settings: Settings) -> Path:
    manifest = settings.dbt_home / "manifest" / "manifest.json"
    if not manifest.is_file():
        raise SettingsError(
            "The dbt manifest that the tasks are drawn from is missing",
            str(manifest),
            "run `python -m warehouse prepare`",
        )
    return manifest


def _say_which_days(context: Mapping[str, Any], operator: Any) -> None:
    """Give dbt its variables and its environment (Cosmos calls this before it builds the command)."""
    from dags.wiring.runs import settings_and_days
    from warehouse.dbt_project import dbt_environment, dbt_vars

    settings, days = settings_and_days(context["ti"].xcom_pull(task_ids=OPEN_RUNS))
    operator.vars = dbt_vars(settings, as_of_dates=days)
    operator.env = {**(operator.env or {}), **dbt_environment(settings)}


def _make_safe_to_clear(task: Any) -> None:
    """Let a cleared task do again what it did first; left alone, Cosmos would build model by model."""
    if isinstance(task, DbtProducerWatcherOperator):
        task.__class__ = _BuildsEveryTime
    elif isinstance(task, BaseConsumerSensor):
        task.__class__ = type(type(task).__name__, (_OnlyWatches, type(task)), {})


class _FirstTry:
    """A task instance that says it is tried for the first time."""

    def __init__(self, task_instance: Any) -> None:
        self._task_instance = task_instance
        self.try_number = 1

    def __getattr__(self, name: str) -> Any:
        return getattr(self._task_instance, name)


class _BuildsEveryTime(DbtProducerWatcherOperator):
    """The producer, which after being cleared builds again: the build is safe to repeat."""

    def execute(self, context: Any, **kwargs: Any) -> Any:
        try:
            return super().execute({**context, "ti": _FirstTry(context["ti"])}, **kwargs)
        finally:
            release_writer_lock()


class _OnlyWatches:
    """A watching task that never runs dbt itself: there is one writer."""

    def _fallback_to_non_watcher_run(self, try_number: int, context: Any) -> bool:  # noqa: ARG002
        status = self._get_node_status(context["ti"], context)  # type: ignore[attr-defined]
        if status in ("success", "pass", "warn", "skipped"):
            return True
        raise AirflowException(
            f"{self.model_unique_id} was not built (status {status}). To do: clear the task "  # type: ignore[attr-defined]
            f"{self.producer_task_id} with its downstream tasks; it builds all models of the group"  # type: ignore[attr-defined]
        )

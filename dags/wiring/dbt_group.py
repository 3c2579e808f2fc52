"""dbt through Cosmos: one `dbt build`, seen model by model.

One producer task runs the build and holds the writer's lock; one task per model watches it. Tests
run inside the build, so a model's dependants are not built on rows that failed a test.
"""

import json
import logging
import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pendulum
from airflow.sdk import TaskGroup
from airflow.sdk.exceptions import AirflowException, AirflowRescheduleException
from cosmos import DbtTaskGroup, ExecutionConfig, ProfileConfig, ProjectConfig, RenderConfig
from cosmos.constants import ExecutionMode, InvocationMode, LoadMode, TestBehavior
from cosmos.dbt.project import change_working_directory, environ
from cosmos.operators._watcher.base import BaseConsumerSensor
from cosmos.operators.local import DbtLocalBaseOperator
from cosmos.operators.watcher import DbtProducerWatcherOperator

from dags.wiring.defaults import ON_FAILURE, WRITER_POOL
from dags.wiring.writer import release_writer_lock, take_writer_lock
from warehouse.errors import SettingsError
from warehouse.garbage import no_garbage_collection
from warehouse.settings import Settings

log = logging.getLogger(__name__)

WATCH_SECONDS = 5
_NOT_BEGUN = (None, "scheduled", "queued")


def dbt_models(group_id: str, selector: str, runs_from: str = "open_runs") -> TaskGroup:
    """Build the models of a selector for the days of this DAG run.

    Parameters
    ----------
    group_id : str
        Name of the task group.
    selector : str
        A selector of dbt_project/selectors.yml.
    runs_from : str
        The task of the same DAG that returned the opened runs.

    Returns
    -------
    TaskGroup
        With one task per model.

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
                "on_failure_callback": list(ON_FAILURE),
                "interceptors": [partial(_say_which_days, runs_from), take_writer_lock],
                "callback": _keep_what_dbt_wrote,
                # TestBehavior.NONE leaves tests out of the build; they belong in it
                "dbt_cmd_flags": ["--resource-type", "test"],
            },
        ),
        render_config=RenderConfig(
            load_method=LoadMode.DBT_MANIFEST,
            selector=selector,
            test_behavior=TestBehavior.NONE,
            # our own assets say what changed; those of Cosmos carry file paths
            emit_datasets=False,
        ),
        operator_args={
            "retries": 0,
            "mode": "reschedule",
            "poke_interval": WATCH_SECONDS,
            "pool": "default_pool",
            # the producer says why; a report per model that was not built would bury it
            "on_failure_callback": None,
        },
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


def _say_which_days(runs_from: str, context: Mapping[str, Any], operator: Any) -> None:
    """Give dbt its variables and its environment (Cosmos calls this before it makes the command)."""
    from dags.wiring.runs import settings_and_days
    from warehouse.dbt_project import dbt_environment, dbt_vars

    opened = context["ti"].xcom_pull(task_ids=runs_from)
    settings, days = settings_and_days(opened)
    operator.vars = dbt_vars(settings, days, run_id=opened[-1]["run_id"])
    environment = dbt_environment(settings)
    # Cosmos shows each model's SQL from the copy of the project that it runs in
    del environment["DBT_TARGET_PATH"]
    operator.env = {**(operator.env or {}), **environment}


def _keep_what_dbt_wrote(project: str, **_more: Any) -> None:
    """Keep the compiled SQL and the results, for whoever asks why a model failed."""
    target = Path(project) / "target"
    kept = Settings.from_environment().dbt_home / "target"
    kept.mkdir(parents=True, exist_ok=True)
    for name in ("compiled", "run"):
        if (target / name).is_dir():
            shutil.copytree(target / name, kept / name, dirs_exist_ok=True)
    if (target / "run_results.json").is_file():
        shutil.copyfile(target / "run_results.json", kept / "run_results.json")


def _make_safe_to_clear(task: Any) -> None:
    """Let a cleared task do again what it did first; left alone, Cosmos would build model by model."""
    if isinstance(task, DbtProducerWatcherOperator):
        task.__class__ = _BuildsEveryTime
    elif isinstance(task, BaseConsumerSensor):
        task.__class__ = type(type(task).__name__, (_OnlyWatches, type(task)), {})


def _concerns_a_watcher(event: Mapping[str, Any]) -> bool:
    """Say whether a dbt event changes what a watching task shows.

    Each event that is passed on costs several calls to Airflow, and a build has over a thousand:
    only the end of models and seeds counts. A test that fails fails the producer, with its name.
    """
    node = event.get("data", {}).get("node_info", {})
    if node.get("resource_type") in ("test", "unit_test"):
        return False
    return event["info"].get("name") not in ("NodeStart", "NodeCompiling", "NodeExecuting")


class _FirstTry:
    """A task instance that says it is tried for the first time."""

    def __init__(self, task_instance: Any) -> None:
        self._task_instance = task_instance
        self.try_number = 1

    def __getattr__(self, name: str) -> Any:
        return getattr(self._task_instance, name)


class _ReadsProjectOnce(DbtLocalBaseOperator):
    """Builds with the project as it was read before; Cosmos would let dbt read it anew for every day."""

    def run_dbt_runner(self, command: list[str], env: dict[str, str], cwd: str, **_more: Any) -> Any:
        from dbt.cli.main import dbtRunner

        from warehouse.dbt_project import read_project

        with change_working_directory(cwd), environ(env):
            read = read_project(Settings.from_environment(), self.vars)
            if not read.success:
                return read
            return dbtRunner(read.result, callbacks=self._dbt_runner_callbacks).invoke(command[1:])


class _BuildsEveryTime(DbtProducerWatcherOperator, _ReadsProjectOnce):
    """The producer, which after being cleared builds again: the build is safe to repeat."""

    def _make_parse_callable(self) -> Callable[[str, Any], None]:
        tell_watchers = super()._make_parse_callable()

        def parse(line: str, more: Any) -> None:
            event = json.loads(line)
            if _concerns_a_watcher(event):
                tell_watchers(line, more)
            elif event["info"].get("level") != "debug":
                log.info("%s", event["info"].get("msg"))

        return parse

    def execute(self, context: Any, **kwargs: Any) -> Any:
        try:
            with no_garbage_collection():
                return super().execute({**context, "ti": _FirstTry(context["ti"])}, **kwargs)
        finally:
            release_writer_lock()


class _OnlyWatches:
    """A watching task that waits for its producer and never runs dbt itself: there is one writer."""

    def execute(self, context: Any, **kwargs: Any) -> Any:
        # Where tasks run one after the other (`dag.test`), a deferred one would wait for ever.
        alone = context["dag_run"].triggering_user_name == "dag_test"
        if alone and self._get_producer_task_status(context) in _NOT_BEGUN:  # type: ignore[attr-defined]
            raise AirflowRescheduleException(pendulum.now("UTC").add(seconds=WATCH_SECONDS))
        return super().execute(context, **kwargs)  # type: ignore[misc]

    def _fallback_to_non_watcher_run(self, try_number: int, context: Any) -> bool:  # noqa: ARG002
        status = self._get_node_status(context["ti"], context)  # type: ignore[attr-defined]
        if status in ("success", "pass", "warn", "skipped"):
            return True
        raise AirflowException(
            f"{self.model_unique_id} was not built (status {status}). To do: clear the task "  # type: ignore[attr-defined]
            f"{self.producer_task_id} with its downstream tasks; it builds all models of the group"
        )

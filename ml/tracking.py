"""Keeps every trial and training in MLflow, in a SQLite store under the folder of models.

Look at it with ``mlflow ui --backend-store-uri sqlite:///<HOLDFAST_HOME>/models/mlflow.db``. Nothing of the
product reads it: what a model was made of stands in its own signed metadata.
"""

import json
import math
import os
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from ml.evaluation import Metric
from ml.search import Trial

STORE = "mlflow.db"
LONGEST_VALUE = 5_000


def keep_training(
    models: Path,
    *,
    experiment: str,
    name: str,
    facts: Mapping[str, Any],
    trials: Sequence[Trial],
    metrics: Sequence[Metric],
) -> None:
    """Record one training: a run of its own, with one run below it per trial and per candidate judged.

    A training that was recorded before is not recorded again; one whose recording was cut off is recorded
    anew. A store that is no SQLite file any more is kept under a name that ends in ``.damaged``. A new store
    appears whole or not at all, whenever this is killed.

    Parameters
    ----------
    models : Path
        The folder of models; the store is made there.
    experiment : str
        Groups the trainings of one shop and definition.
    name : str
        Of the training: the model version.
    facts : mapping
        What it was made of: data window, code version, seed and so on; kept as parameters.
    trials : sequence of Trial
        Settings tried.
    metrics : sequence of Metric
        Candidates judged out of time.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    # six seconds of importing, only where something is recorded
    from mlflow import MlflowClient  # noqa: PLC0415
    from mlflow.entities import Metric as Figure  # noqa: PLC0415
    from mlflow.entities import Param, RunTag  # noqa: PLC0415

    models.mkdir(parents=True, exist_ok=True)
    _put_aside_if_damaged(models / STORE)
    if not (models / STORE).exists():
        _make_store(models / STORE)
    client = MlflowClient(tracking_uri=f"sqlite:///{models.resolve() / STORE}")
    known = client.get_experiment_by_name(experiment)
    experiment_id = (
        known.experiment_id
        if known
        else client.create_experiment(experiment, artifact_location=(models.resolve() / "mlflow").as_uri())
    )
    earlier = client.search_runs([experiment_id], f"tags.model_version = '{name}'")
    if any(run.data.tags["kind"] == "training" and run.info.status == "FINISHED" for run in earlier):
        return
    for run in earlier:
        client.delete_run(run.info.run_id)

    def keep(kind: str, title: str, parameters: Mapping[str, Any], figures: Mapping[str, float]) -> str:
        tags = {"model_version": name, "kind": kind} | ({"mlflow.parentRunId": parent} if parent else {})
        run_id = str(client.create_run(experiment_id, tags=tags, run_name=title).info.run_id)
        client.log_batch(
            run_id,
            metrics=[Figure(key, value, 0, 0) for key, value in figures.items() if math.isfinite(value)],
            params=[Param(key, _text(value)) for key, value in parameters.items()],
            tags=[RunTag(key, _text(facts[key])) for key in ("code_version", "data_window") if key in facts],
        )
        if parent:
            client.set_terminated(run_id)
        return run_id

    parent = ""
    parent = keep("training", name, facts, {})
    for number, trial in enumerate(trials, start=1):
        about = {"candidate": trial.candidate, "state": trial.state, "reason": trial.reason or "-"}
        keep(
            "trial",
            f"{number:02d} {trial.candidate}",
            about | dict(trial.parameters),
            {"validation_log_loss": trial.loss, "seconds": trial.seconds},
        )
    for candidate in dict.fromkeys(metric.candidate for metric in metrics):
        own = {one.metric: one.value for one in metrics if one.candidate == candidate}
        keep("candidate", candidate, {"candidate": candidate}, own)
    client.set_terminated(parent)


def _make_store(store: Path) -> None:
    """Let MLflow fill a new store beside its place, in the many steps of its migrations, then move it there.

    Half of them done, MLflow can neither open the store nor finish it.
    """
    from mlflow import MlflowClient  # noqa: PLC0415

    for left_over in store.parent.glob(f".{STORE}.*"):
        left_over.unlink()
    half = store.with_name(f".{STORE}.{os.getpid()}")
    MlflowClient(tracking_uri=f"sqlite:///{half.resolve()}").search_experiments(max_results=1)
    half.replace(store)


def _put_aside_if_damaged(store: Path) -> None:
    if not store.exists():
        return
    try:
        with closing(sqlite3.connect(store)) as connection:
            (found,) = connection.execute("pragma quick_check(1)").fetchone()
    except sqlite3.OperationalError:
        # locked, or no room: MLflow waits, or says so itself
        return
    except sqlite3.DatabaseError as error:
        found = str(error)
    if found != "ok":
        store.rename(store.with_name(f"{store.name}.damaged"))


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
    return text[:LONGEST_VALUE]

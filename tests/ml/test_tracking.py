"""What MLflow keeps of a training. Importing it takes seconds, so one store serves all of these tests."""

import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from ml.evaluation import Metric
from ml.search import Trial
from ml.tracking import STORE, keep_training

NAN = float("nan")
TRIALS = (
    Trial("elastic_net", {}, "complete", 0.61, NAN, 1.5),
    Trial("elastic_net", {"shrinkage": 0.25, "lasso_share": 0.5}, "complete", 0.59, 0.002, 1.25),
    Trial("boosted_trees", {"depth": 3}, "over budget", NAN, NAN, 4.0, "stopped after 4 s"),
)
METRICS = (
    Metric("recency_rule", "roc_auc", 0.61, 0.58, 0.64),
    Metric("elastic_net", "roc_auc", 0.72, 0.7, 0.75),
    Metric("elastic_net", "roc_auc_over_recency", 0.11, 0.08, 0.14),
    Metric("elastic_net", "lift_at_5", NAN, NAN, NAN),
)
FACTS = {
    "candidate": "elastic_net",
    "parameters": {"shrinkage": 0.25},
    "data_window": "2024-06-19 to 2025-01-05",
    "code_version": "1a361e776bfecbb2",
    "seed": 7,
    "rows": {"2024-06-19": {"rows": 800, "churned": 377}},
    "validated_on": "later snapshots: 2024-11-06",
}
EXPERIMENT, NAME = "corner_shop/paid_order_30d", "churn-20250105-h30-1a2b3c4d"


def keep(models: Path, name: str = NAME, experiment: str = EXPERIMENT, trials=TRIALS) -> None:
    keep_training(models, experiment=experiment, name=name, facts=FACTS, trials=trials, metrics=METRICS)


def runs_of(models: Path, experiment: str = EXPERIMENT):
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{models / STORE}")
    known = client.get_experiment_by_name(experiment)
    return client.search_runs([known.experiment_id], order_by=["attributes.run_name"]) if known else []


def of_kind(runs, kind):
    return [run for run in runs if run.data.tags["kind"] == kind]


@pytest.fixture(scope="module")
def kept(tmp_path_factory) -> SimpleNamespace:
    folder = tmp_path_factory.mktemp("tracked")
    models, elsewhere = folder / "models", Path.cwd()
    os.chdir(folder)
    try:
        keep(models)
    finally:
        os.chdir(elsewhere)
    return SimpleNamespace(folder=folder, models=models, runs=runs_of(models))


def test_every_trial_is_a_run_with_its_settings_and_figures(kept):
    defaults, tuned = of_kind(kept.runs, "trial")[:2]
    assert defaults.info.run_name == "01 elastic_net"
    assert defaults.data.params == {"candidate": "elastic_net", "state": "complete", "reason": "-"}
    assert tuned.data.params["shrinkage"] == "0.25"
    assert tuned.data.params["lasso_share"] == "0.5"
    assert tuned.data.metrics == {"validation_log_loss": 0.59, "seconds": 1.25}


def test_a_trial_that_was_stopped_is_kept_with_the_reason(kept):
    stopped = of_kind(kept.runs, "trial")[2]
    assert stopped.data.params["state"] == "over budget"
    assert stopped.data.params["reason"] == "stopped after 4 s"
    assert stopped.data.metrics == {"seconds": 4.0}


def test_every_run_names_its_data_window_its_code_and_the_model(kept):
    assert len(kept.runs) == 1 + len(TRIALS) + 2
    for run in kept.runs:
        assert run.info.status == "FINISHED"
        assert run.data.tags["data_window"] == "2024-06-19 to 2025-01-05"
        assert run.data.tags["code_version"] == "1a361e776bfecbb2"
        assert run.data.tags["model_version"] == NAME


def test_trials_and_candidates_hang_below_their_training(kept):
    (training,) = of_kind(kept.runs, "training")
    assert "mlflow.parentRunId" not in training.data.tags
    assert training.data.params["seed"] == "7"
    assert training.data.params["rows"] == '{"2024-06-19": {"churned": 377, "rows": 800}}'
    below = of_kind(kept.runs, "trial") + of_kind(kept.runs, "candidate")
    assert {run.data.tags["mlflow.parentRunId"] for run in below} == {training.info.run_id}


def test_candidates_are_kept_with_what_they_reached_out_of_time(kept):
    found = {run.info.run_name: run.data.metrics for run in of_kind(kept.runs, "candidate")}
    assert found == {
        "elastic_net": {"roc_auc": 0.72, "roc_auc_over_recency": 0.11},
        "recency_rule": {"roc_auc": 0.61},
    }


def test_everything_lies_in_one_sqlite_file_under_the_folder_of_models(kept):
    content = (kept.models / STORE).read_bytes()
    assert content.startswith(b"SQLite format 3")
    assert [path.name for path in kept.folder.iterdir()] == ["models"]
    assert {path.name for path in kept.models.iterdir()} <= {STORE, "mlflow"}
    below = (kept.models / "mlflow").as_uri()
    assert all(run.info.artifact_uri.startswith(f"{below}/") for run in kept.runs)


def test_recording_twice_adds_nothing(kept):
    keep(kept.models)
    assert [run.info.run_id for run in runs_of(kept.models)] == [run.info.run_id for run in kept.runs]


def test_a_training_whose_recording_was_cut_off_is_recorded_whole_the_next_time(kept):
    class CutOff(Exception):
        """Stands for a killed process."""

    def two_and_no_more():
        yield from TRIALS[:2]
        raise CutOff

    with pytest.raises(CutOff):
        keep(kept.models, "cut off", "another_shop/paid_order_30d", two_and_no_more())
    keep(kept.models, "cut off", "another_shop/paid_order_30d")
    runs = runs_of(kept.models, "another_shop/paid_order_30d")
    assert len(of_kind(runs, "training")) == 1
    assert [run.info.run_name for run in of_kind(runs, "trial")] == [
        "01 elastic_net",
        "02 elastic_net",
        "03 boosted_trees",
    ]


def test_trainings_of_a_shop_and_definition_share_an_experiment(kept):
    keep(kept.models, "the next week", "third_shop/personal")
    keep(kept.models, "the week after", "third_shop/personal")
    names = [run.info.run_name for run in of_kind(runs_of(kept.models, "third_shop/personal"), "training")]
    assert names == ["the next week", "the week after"]


def test_a_store_that_cannot_be_read_is_put_aside_and_a_new_one_begun(tmp_path):
    (tmp_path / STORE).write_bytes(b"no database at all" * 100)
    keep(tmp_path)
    assert len(of_kind(runs_of(tmp_path), "trial")) == len(TRIALS)
    assert (tmp_path / f"{STORE}.damaged").read_bytes().startswith(b"no database")
    with sqlite3.connect(tmp_path / STORE) as connection:
        assert connection.execute("pragma integrity_check").fetchone() == ("ok",)


def test_a_store_whose_making_was_killed_is_made_anew(tmp_path: Path) -> None:
    models = tmp_path / "models"
    code = f"from pathlib import Path; from tests.ml.test_tracking import keep; keep(Path({str(models)!r}))"
    making = subprocess.Popen([sys.executable, "-c", code])
    while not any(path.stat().st_size for path in models.glob(f".{STORE}.*")):
        assert making.poll() is None, "the store was made before it could be killed"
        time.sleep(0.01)
    making.kill()
    making.wait()
    assert not (models / STORE).exists()
    assert list(models.glob(f".{STORE}.*"))

    keep(models)
    assert len(of_kind(runs_of(models), "training")) == 1
    assert [path.name for path in models.glob(f".{STORE}.*") if path.suffix != ".damaged"] == []

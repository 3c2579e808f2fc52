"""A snapshot that cannot score single users says so, and is served all the same."""

from types import SimpleNamespace

import pytest

from ml.features import Feature, FeatureContract
from serving.problems import Problem
from serving.scoring import scorer
from serving.scoring.scorer import Scorer
from tests.serving.scoring.tiny_program import DAY, tiny_program
from warehouse.feature_program import PROGRAM_NAME
from warehouse.feature_program.context import CONTEXT_NAME


def snapshot_in(folder, model_version="model-1"):
    return SimpleNamespace(run_id="run-1", as_of_date=DAY, model_version=model_version, folder=folder)


def test_without_the_features_program_nobody_is_scored(tmp_path):
    with pytest.raises(Problem, match="cannot score single users") as caught:
        Scorer(snapshot_in(tmp_path), tmp_path)
    assert (caught.value.status, caught.value.code) == (503, "scoring_not_published")
    assert "run-1" in caught.value.detail


def with_program(folder):
    (folder / PROGRAM_NAME).write_bytes(tiny_program().to_bytes())
    (folder / CONTEXT_NAME).touch()
    return folder


def test_without_a_model_nobody_is_scored(tmp_path):
    with pytest.raises(Problem) as caught:
        Scorer(snapshot_in(with_program(tmp_path), None), tmp_path)
    assert caught.value.code == "scoring_not_published"


def test_a_model_that_reads_other_features_scores_nobody(tmp_path):
    contract = FeatureContract((Feature("paid_orders_30d", "numeric"),), {})
    model = SimpleNamespace(contract=contract, model_version="model-1")
    with pytest.raises(Problem) as caught:
        Scorer(snapshot_in(with_program(tmp_path)), tmp_path, model)
    assert caught.value.status == 503
    assert "paid_orders_30d is missing" in caught.value.detail


def test_a_model_that_was_loaded_already_is_taken_only_if_it_is_the_snapshots(tmp_path, monkeypatch):
    asked = []
    contract = FeatureContract((Feature("paid_orders_30d", "numeric"),), {})

    def load(version, models):
        asked.append(version)
        return SimpleNamespace(contract=contract, model_version=version)

    monkeypatch.setattr(scorer, "load_model", load)
    for version in ("model-1", "model-2"):
        with pytest.raises(Problem):
            Scorer(snapshot_in(with_program(tmp_path), version), tmp_path, load("model-1", tmp_path))
    assert asked == ["model-1", "model-1", "model-2"]

import dataclasses
import platform
import shutil
import stat
import sys
from pathlib import Path

import numpy as np
import pytest

from ml.calibration import Sigmoid
from ml.registry import (
    list_models,
    load_golden_rows,
    load_metadata,
    load_model,
    replay_golden_rows,
    save_model,
)
from tests.ml.makers import PLAN, make_rows, make_snapshots
from tests.ml.quick import learn_quickly
from warehouse.errors import DamagedFile


@pytest.fixture(scope="module")
def outcome():
    return dataclasses.replace(learn_quickly(), definition_id="paid_order_30d")


@pytest.fixture
def saved(tmp_path, outcome):
    return save_model(outcome, tmp_path), tmp_path


def test_a_model_comes_back_with_the_same_scores(saved, outcome):
    model_version, models = saved
    rows = make_rows(PLAN.production[0], 200, seed=4)
    loaded = load_model(model_version, models)
    np.testing.assert_array_equal(loaded.predict(rows), outcome.model.predict(rows))
    assert loaded.model_version == model_version
    assert loaded.effects == outcome.model.effects
    assert set(loaded.effects) == set(loaded.contract.input_names) != set()
    assert model_version.startswith("churn-20250105-h30-")
    assert list_models(models) == [model_version]


def test_the_same_training_gives_the_same_version_and_bytes(saved, tmp_path_factory):
    model_version, models = saved
    elsewhere = tmp_path_factory.mktemp("again")
    again = dataclasses.replace(learn_quickly(), definition_id="paid_order_30d")
    assert save_model(again, elsewhere) == model_version
    for name in ("model.skops", "metadata.json", "golden_rows.parquet"):
        assert (elsewhere / model_version / name).read_bytes() == (models / model_version / name).read_bytes()


def test_every_kind_of_candidate_can_be_stored(tmp_path):
    snapshots = make_snapshots(users=250)
    found = learn_quickly(snapshots)
    from ml.candidates import CANDIDATES
    from ml.model import fit_model
    from ml.training import golden_rows

    for candidate in CANDIDATES:
        model, _ = fit_model(
            candidate,
            snapshots.frame,
            snapshots.features,
            trained_as_of=PLAN.trained_as_of,
            horizon_days=30,
            seed=0,
        )
        stored = dataclasses.replace(found, model=model, golden_rows=golden_rows(model, snapshots.frame))
        assert load_model(save_model(stored, tmp_path), tmp_path).candidate == candidate.name
    assert len(list_models(tmp_path)) == len(CANDIDATES)


def test_the_key_belongs_to_its_owner_only(saved):
    _, models = saved
    assert stat.S_IMODE((models / "signing.key").stat().st_mode) == 0o600


def test_saving_leaves_no_temporary_folder_behind(saved):
    model_version, models = saved
    assert {path.name for path in models.iterdir()} == {model_version, "signing.key"}


def test_metadata_say_what_the_model_learnt_from(saved):
    metadata = load_metadata(*saved)
    assert metadata["definition_id"] == "paid_order_30d"
    assert metadata["training_snapshots"] == [str(day) for day in PLAN.production]
    assert metadata["rows"][str(PLAN.production[0])]["rows"] == 800
    assert metadata["contract"]["left_out"] == {"nothing_known": "NULL in every training row"}
    assert metadata["compared_on"] == "out_of_time"
    assert metadata["search"]["trials"] == {}
    assert metadata["search"]["validated_on"] == "nothing"


def test_metadata_say_what_the_model_was_made_with(saved):
    made_with = load_metadata(*saved)["environment"]
    assert made_with["libraries"]["scikit-learn"] == "1.9.1"
    assert made_with["python"] == platform.python_version()
    assert made_with["platform"].startswith(sys.platform)


def test_settings_come_back_with_the_model(tmp_path, outcome):
    model = dataclasses.replace(outcome.model, parameters={"shrinkage": 0.25})
    model_version = save_model(dataclasses.replace(outcome, model=model), tmp_path)
    assert load_model(model_version, tmp_path).parameters == {"shrinkage": 0.25}
    assert load_metadata(model_version, tmp_path)["parameters"] == {"shrinkage": 0.25}


def test_two_definitions_of_the_same_data_are_two_models(tmp_path, outcome):
    other = dataclasses.replace(outcome, definition_id="any_activity_30d")
    assert save_model(outcome, tmp_path) != save_model(other, tmp_path)


def test_a_model_of_an_older_layout_is_refused_in_words(tmp_path, outcome, monkeypatch):
    monkeypatch.setattr("ml.registry._metadata", lambda *_: {"libraries": {"scikit-learn": "1.9.1"}})
    model_version = save_model(outcome, tmp_path)
    with pytest.raises(DamagedFile, match="another version of Holdfast"):
        load_model(model_version, tmp_path)


def test_a_model_that_another_process_wrote_meanwhile_is_taken_as_it_is(tmp_path, outcome, monkeypatch):
    model_version = save_model(outcome, tmp_path)
    before = (tmp_path / model_version / "SIGNATURE").read_bytes()
    looked = iter([False])
    exists = Path.exists
    monkeypatch.setattr(
        Path, "exists", lambda path: next(looked, True) if path.name == model_version else exists(path)
    )
    assert save_model(outcome, tmp_path) == model_version
    monkeypatch.undo()
    assert (tmp_path / model_version / "SIGNATURE").read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {model_version, "signing.key"}


def test_a_key_that_was_cut_short_verifies_nothing(saved):
    model_version, models = saved
    (models / "signing.key").chmod(0o600)
    (models / "signing.key").write_bytes(b"short")
    with pytest.raises(DamagedFile, match="too short"):
        load_model(model_version, models)


def test_a_model_under_another_name_is_refused(saved):
    model_version, models = saved
    shutil.copytree(models / model_version, models / "churn-20300101-h30-00000000")
    with pytest.raises(DamagedFile, match="signature"):
        load_model("churn-20300101-h30-00000000", models)


@pytest.mark.parametrize("name", ["churn-nowhere", "../models", ""])
def test_a_model_that_is_not_there_is_refused(saved, name):
    with pytest.raises(DamagedFile):
        load_model(name, saved[1])


def test_golden_rows_that_do_not_replay_are_refused(saved, outcome):
    golden = load_golden_rows(*saved)
    replay_golden_rows(outcome.model, golden)
    assert len(golden) == 64
    changed = dataclasses.replace(outcome.model, calibrator=Sigmoid(1.0, 0.001))
    with pytest.raises(DamagedFile, match="golden rows"):
        replay_golden_rows(changed, golden)

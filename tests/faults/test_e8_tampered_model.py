"""A model file that was changed is refused before it is parsed, and runs no code."""

import hashlib
import json
import pickle
import subprocess

import pytest

from ml.registry import load_model, save_model
from ml.training import learn
from tests.ml.makers import PLAN, make_snapshots
from warehouse.errors import DamagedFile


@pytest.fixture(scope="module")
def outcome():
    return learn(make_snapshots(), PLAN)


@pytest.fixture
def stored(tmp_path, outcome):
    model_version = save_model(outcome, tmp_path)
    load_model(model_version, tmp_path)
    return tmp_path, model_version


class Marker:
    """Pickled, it would create a file when read."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (subprocess.call, (["touch", str(self.path)],))


@pytest.mark.parametrize("name", ["model.skops", "metadata.json", "golden_rows.parquet", "SIGNATURE"])
def test_e8_one_flipped_byte_is_refused(stored, name):
    models, model_version = stored
    path = models / model_version / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedFile, match="signature"):
        load_model(model_version, models)


def test_e8_a_pickle_in_place_of_the_model_never_runs(stored):
    models, model_version = stored
    marker = models / "ran"
    (models / model_version / "model.skops").write_bytes(pickle.dumps(Marker(marker)))
    with pytest.raises(DamagedFile, match="signature"):
        load_model(model_version, models)
    assert not marker.exists()


def test_e8_the_signature_is_checked_before_anything_is_parsed(stored, monkeypatch):
    models, model_version = stored
    (models / model_version / "metadata.json").write_bytes(b"{}")
    monkeypatch.setattr("ml.registry.estimator_from", lambda _content: pytest.fail("the model was parsed"))
    monkeypatch.setattr("ml.registry.json.loads", lambda _content: pytest.fail("the metadata were parsed"))
    with pytest.raises(DamagedFile, match="signature"):
        load_model(model_version, models)


def test_e8_a_matching_digest_without_the_key_is_refused(stored):
    models, model_version = stored
    folder = models / model_version
    changed = (folder / "metadata.json").read_bytes().replace(b'"seed": 0', b'"seed": 1')
    (folder / "metadata.json").write_bytes(changed)
    signature = json.loads((folder / "SIGNATURE").read_text())
    signature["files"]["metadata.json"] = hashlib.sha256(changed).hexdigest()
    (folder / "SIGNATURE").write_text(json.dumps(signature))
    with pytest.raises(DamagedFile, match="signature"):
        load_model(model_version, models)


@pytest.mark.parametrize("name", ["SIGNATURE", "model.skops"])
def test_e8_a_missing_file_is_refused_by_name(stored, name):
    models, model_version = stored
    (models / model_version / name).unlink()
    with pytest.raises(DamagedFile, match=name):
        load_model(model_version, models)


def test_e8_a_model_signed_with_another_key_is_refused(stored):
    models, model_version = stored
    (models / "signing.key").write_bytes(b"another key" * 3)
    with pytest.raises(DamagedFile, match="another key"):
        load_model(model_version, models)


def test_e8_a_model_of_another_scikit_learn_is_refused(tmp_path, outcome, monkeypatch):
    monkeypatch.setattr("ml.registry.version", lambda _name: "0.0.1")
    model_version = save_model(outcome, tmp_path)
    monkeypatch.undo()
    with pytest.raises(DamagedFile, match=r"0\.0\.1"):
        load_model(model_version, tmp_path)


def test_e8_types_outside_the_list_are_refused_even_when_signed(tmp_path, outcome, monkeypatch):
    monkeypatch.setattr("ml.artefact.TRUSTED_TYPES", ())
    with pytest.raises(DamagedFile, match="types"):
        load_model(save_model(outcome, tmp_path), tmp_path)

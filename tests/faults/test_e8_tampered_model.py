"""A model file that was changed is refused before it is parsed, and runs no code."""

import errno
import hashlib
import json
import pickle
import subprocess
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from ml.registry import list_models, load_model, save_model
from ml.signing import signature_of
from tests.ml.quick import learn_quickly
from warehouse.errors import DamagedFile, HoldfastError
from warehouse.ledger import Ledger, Model


@pytest.fixture(scope="module")
def outcome():
    return learn_quickly()


@pytest.fixture
def stored(tmp_path, outcome):
    model_version = save_model(outcome, tmp_path)
    load_model(model_version, tmp_path)
    return tmp_path, model_version


FILES = ("golden_rows.parquet", "metadata.json", "model.skops")


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


@pytest.mark.parametrize("seed", range(5))
def test_e8_bits_flipped_anywhere_are_refused(stored, seed):
    models, model_version = stored
    random = np.random.default_rng(seed)
    path = models / model_version / random.choice(["model.skops", "metadata.json", "golden_rows.parquet"])
    content = bytearray(path.read_bytes())
    for place in random.integers(0, len(content), 3):
        content[place] ^= 1 << int(random.integers(0, 8))
    path.write_bytes(content)
    with pytest.raises(DamagedFile, match="signature"):
        load_model(model_version, models)


def sign_again(models, model_version, key):
    """Sign a folder as it is, as somebody who has that key would."""
    folder = models / model_version
    files = {name: (folder / name).read_bytes() for name in FILES}
    (folder / "SIGNATURE").write_bytes(signature_of(model_version, files, key))


def test_e8_a_pickle_in_place_of_the_model_never_runs(stored):
    models, model_version = stored
    marker = models / "ran"
    (models / model_version / "model.skops").write_bytes(pickle.dumps(Marker(marker)))
    with pytest.raises(DamagedFile, match="signature"):
        load_model(model_version, models)
    sign_again(models, model_version, b"a key of somebody else" * 2)
    with pytest.raises(DamagedFile, match="signature"):
        load_model(model_version, models)
    (models / model_version / "SIGNATURE").unlink()
    with pytest.raises(DamagedFile, match="SIGNATURE"):
        load_model(model_version, models)
    assert not marker.exists()


def test_e8_a_pickle_never_runs_even_when_it_is_signed_with_the_right_key(stored):
    models, model_version = stored
    marker = models / "ran"
    (models / model_version / "model.skops").write_bytes(pickle.dumps(Marker(marker)))
    sign_again(models, model_version, (models / "signing.key").read_bytes())
    with pytest.raises(DamagedFile, match="not a skops file"):
        load_model(model_version, models)
    assert not marker.exists()
    pickle.loads((models / model_version / "model.skops").read_bytes())  # noqa: S301 -- what is spared
    assert marker.exists()  # read carelessly, it does run


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


def test_e8_a_model_of_another_scikit_learn_is_refused_before_it_is_built(tmp_path, outcome, monkeypatch):
    monkeypatch.setattr("ml.registry.version", lambda _name: "0.0.1")
    model_version = save_model(outcome, tmp_path)
    monkeypatch.undo()
    monkeypatch.setattr("ml.registry.estimator_from", lambda _content: pytest.fail("the model was parsed"))
    with pytest.raises(DamagedFile, match=r"0\.0\.1"):
        load_model(model_version, tmp_path)


def test_e8_a_signed_model_that_names_another_scikit_learn_is_refused(stored):
    models, model_version = stored
    path = models / model_version / "metadata.json"
    metadata = json.loads(path.read_text())
    metadata["environment"]["libraries"]["scikit-learn"] = "1.2.0"
    path.write_text(json.dumps(metadata))
    sign_again(models, model_version, (models / "signing.key").read_bytes())
    with pytest.raises(DamagedFile, match=r"1\.2\.0"):
        load_model(model_version, models)


def broken_disk(error):
    def fail(_path):
        raise OSError(error, "the disk failed")

    return fail


@pytest.mark.parametrize("error", [errno.EROFS, errno.ENOSPC, errno.EACCES, errno.EIO])
@pytest.mark.parametrize("step", ["fsync_file", "fsync_folder", "make_signing_key"])
def test_e8_a_folder_of_models_that_cannot_be_written_leaves_the_champion(
    stored, outcome, monkeypatch, error, step
):
    models, champion = stored
    with Ledger(f"sqlite:///{models / 'ledger.db'}") as ledger:
        ledger.record_model(
            Model(champion, "shop", outcome.model.trained_as_of, 30, "boosted_trees", "challenger", champion)
        )
        ledger.record_decision(champion, "promoted", "the first", judged_against=None)
        monkeypatch.setattr(f"ml.signed_folder.{step}", broken_disk(error))
        with pytest.raises(HoldfastError, match=r"cannot be written to .*; the champion stays"):
            save_model(replace(outcome, definition_id="another"), models)
        monkeypatch.undo()
        served = ledger.champion_for("shop", "paid_order_30d", date(2030, 1, 1))
    assert served is not None
    assert served.model_version == champion
    assert list_models(models) == [champion]
    assert not [path for path in models.iterdir() if path.name.endswith(".tmp")]
    load_model(champion, models)


def test_e8_a_folder_of_models_that_is_no_folder_is_told(tmp_path, outcome):
    (tmp_path / "models").write_text("in the way")
    with pytest.raises(HoldfastError, match="cannot be written"):
        save_model(outcome, tmp_path / "models")


def test_e8_types_outside_the_list_are_refused_even_when_signed(tmp_path, outcome, monkeypatch):
    monkeypatch.setattr("ml.artefact.TRUSTED_TYPES", ())
    with pytest.raises(DamagedFile, match="types"):
        load_model(save_model(outcome, tmp_path), tmp_path)

"""Models on disk: written whole or not at all, signed, and verified before a byte is parsed.

A model is a folder named by its version:

    model.skops            the estimator
    metadata.json          contract, calibrator, windows, metrics, versions
    golden_rows.parquet    training rows and the probability expected for each
    SIGNATURE              HMAC-SHA256 over the sha256 of every file

The key is `signing.key` beside the folders, readable by its owner only.
"""

import hashlib
import hmac
import io
import json
import os
import platform
import secrets
import shutil
from dataclasses import asdict
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ml.artefact import (
    calibrator_from_json,
    calibrator_to_json,
    canonical_json,
    code_version,
    estimator_bytes,
    estimator_from,
)
from ml.features import FeatureContract
from ml.model import ChurnModel
from ml.training import TrainingOutcome
from warehouse.errors import DamagedFile

FILES = ("golden_rows.parquet", "metadata.json", "model.skops")
SIGNATURE = "SIGNATURE"
KEY = "signing.key"
TOLERANCE = 1e-9
LIBRARIES = ("scikit-learn", "skops", "numpy", "pandas", "scipy", "pyarrow")
AGAIN = "keep using another model, or train again: `python -m ml train --as-of <day>`"


def save_model(outcome: TrainingOutcome, models: Path, *, seed: int = 0) -> str:
    """Write a model and return its version; the same training gives the same version and bytes.

    The folder appears whole or not at all. A version that is there already stays as it is.

    Parameters
    ----------
    outcome : TrainingOutcome
        What training made.
    models : Path
        The folder of all models.
    seed : int
        Of the training, kept with it.

    Returns
    -------
    str
        For instance ``churn-20110904-h90-1a2b3c4d``.
    """
    content = {
        "model.skops": estimator_bytes(outcome.model.estimator),
        "metadata.json": canonical_json(_metadata(outcome, seed)),
        "golden_rows.parquet": _parquet(outcome.golden_rows),
    }
    digest = hashlib.sha256(canonical_json(_digests(content))).hexdigest()[:8]
    model_version = f"churn-{outcome.model.trained_as_of:%Y%m%d}-h{outcome.model.horizon_days}-{digest}"
    target = models / model_version
    if target.exists():
        return model_version
    models.mkdir(parents=True, exist_ok=True)
    signature = _signature(model_version, _digests(content), _key(models, create=True))
    temporary = models / f".{model_version}.{os.getpid()}.tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    for name, data in {**content, SIGNATURE: signature}.items():
        _write_durably(temporary / name, data)
    _sync_folder(temporary)
    temporary.rename(target)
    _sync_folder(models)
    return model_version


def load_model(model_version: str, models: Path) -> ChurnModel:
    """Return a model, after checking its signature, its environment and its golden rows, in this order.

    Raises
    ------
    DamagedFile
        If a file is missing, unsigned, changed, made by another scikit-learn, or its golden rows do not
        replay.
    """
    content = _verified(model_version, models)
    metadata = json.loads(content["metadata.json"])
    trained_with = metadata["libraries"]["scikit-learn"]
    if trained_with != version("scikit-learn"):
        raise DamagedFile(
            f"Model {model_version} was not made with scikit-learn {version('scikit-learn')}",
            trained_with,
            AGAIN,
        )
    model = ChurnModel(
        candidate=metadata["candidate"],
        trained_as_of=date.fromisoformat(metadata["trained_as_of"]),
        horizon_days=metadata["horizon_days"],
        contract=FeatureContract.from_json(metadata["contract"]),
        estimator=estimator_from(content["model.skops"]),
        calibrator=calibrator_from_json(metadata["calibrator"]),
        note=metadata["note"],
        model_version=model_version,
    )
    if model.contract.schema_hash != metadata["schema_hash"]:
        raise DamagedFile(f"Model {model_version} has another schema hash than its contract", None, AGAIN)
    replay_golden_rows(model, pd.read_parquet(io.BytesIO(content["golden_rows.parquet"])))
    return model


def load_golden_rows(model_version: str, models: Path) -> pd.DataFrame:
    """Return a model's golden rows, signature verified."""
    return pd.read_parquet(io.BytesIO(_verified(model_version, models)["golden_rows.parquet"]))


def load_metadata(model_version: str, models: Path) -> dict[str, Any]:
    """Return a model's metadata, signature verified."""
    metadata: dict[str, Any] = json.loads(_verified(model_version, models)["metadata.json"])
    return metadata


def list_models(models: Path) -> list[str]:
    """Return the versions on disk, oldest training day first."""
    if not models.is_dir():
        return []
    return sorted(path.name for path in models.iterdir() if path.is_dir() and not path.name.startswith("."))


def replay_golden_rows(model: ChurnModel, golden: pd.DataFrame) -> None:
    """Score the stored training rows again; refuse a model that gives other probabilities than it gave then.

    Raises
    ------
    DamagedFile
        With the largest difference.
    """
    if golden.empty:
        raise DamagedFile(f"Model {model.model_version} carries no golden rows", None, AGAIN)
    difference = np.abs(model.predict(golden) - golden["expected"].to_numpy()).max()
    if not difference <= TOLERANCE:
        raise DamagedFile(
            f"Model {model.model_version} gives its golden rows other probabilities than when it was made",
            f"largest difference {difference:.3g}",
            AGAIN,
        )


def _metadata(outcome: TrainingOutcome, seed: int) -> dict[str, Any]:
    model = outcome.model
    return {
        "candidate": model.candidate,
        "trained_as_of": model.trained_as_of,
        "horizon_days": model.horizon_days,
        "note": model.note,
        "contract": model.contract.to_json(),
        "schema_hash": model.contract.schema_hash,
        "calibrator": calibrator_to_json(model.calibrator),
        "training_snapshots": [str(day) for day in outcome.plan.production],
        "comparison_snapshots": [str(day) for day in outcome.plan.training],
        "test_as_of_date": outcome.test_as_of_date,
        "compared_on": outcome.compared_on,
        "rows": outcome.counts,
        "metrics": [asdict(metric) for metric in outcome.metrics],
        "seed": seed,
        "code_version": code_version(),
        "libraries": {name: version(name) for name in LIBRARIES} | {"python": platform.python_version()},
    }


def _parquet(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()


def _digests(content: dict[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(content[name]).hexdigest() for name in FILES}


def _signature(model_version: str, digests: dict[str, str], key: bytes) -> bytes:
    signed = {"model_version": model_version, "files": digests}
    return canonical_json(
        {**signed, "hmac_sha256": hmac.new(key, canonical_json(signed), "sha256").hexdigest()}
    )


def _verified(model_version: str, models: Path) -> dict[str, bytes]:
    """Read every file once and return the bytes that the signature vouches for."""
    folder = models / model_version
    if "/" in model_version or not folder.is_dir():
        raise DamagedFile(f"There is no model {model_version} in {models}", None, AGAIN)
    found = {path.name for path in folder.iterdir()}
    if found != {*FILES, SIGNATURE}:
        wrong = sorted(found ^ {*FILES, SIGNATURE})
        raise DamagedFile(f"Model {model_version} has missing or foreign files", wrong, AGAIN)
    content = {name: (folder / name).read_bytes() for name in FILES}
    expected = _signature(model_version, _digests(content), _key(models, create=False))
    if not hmac.compare_digest((folder / SIGNATURE).read_bytes(), expected):
        raise DamagedFile(
            f"The signature of model {model_version} does not fit: a file was changed, or another key signed",
            None,
            AGAIN,
        )
    return content


def _key(models: Path, *, create: bool) -> bytes:
    path = models / KEY
    if not path.exists():
        if not create:
            raise DamagedFile(
                f"There is no key {path} to verify models with", None, "restore it, or train again"
            )
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return path.read_bytes()
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(32))
            file.flush()
            os.fsync(file.fileno())
    return path.read_bytes()


def _write_durably(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

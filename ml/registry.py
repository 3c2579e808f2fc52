"""Models on disk: written whole or not at all, signed, and verified before a byte is parsed.

A model is a folder named by its version:

    model.skops            the estimator
    metadata.json          definition, contract, settings, calibrator, windows, metrics, environment
    golden_rows.parquet    training rows and the probability expected for each
    SIGNATURE              see `ml.signing`
"""

import hashlib
import io
import json
import platform
import sys
from collections import Counter
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
from ml.plain_effects import effects_from_json, effects_to_json
from ml.signed_folder import read_folder, write_folder
from ml.training import TrainingOutcome
from warehouse.errors import DamagedFile

PREFIX = "churn-"
FILES = ("golden_rows.parquet", "metadata.json", "model.skops")
TOLERANCE = 1e-9
LIBRARIES = ("scikit-learn", "skops", "numpy", "pandas", "scipy", "pyarrow", "optuna")
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

    Raises
    ------
    HoldfastError
        If the folder cannot be written; nothing of the model is left, and the models that are there stay.
    """
    content = {
        "model.skops": estimator_bytes(outcome.model.estimator),
        "metadata.json": canonical_json(_metadata(outcome, seed)),
        "golden_rows.parquet": _parquet(outcome.golden_rows),
    }
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in content.items()}
    digest = hashlib.sha256(canonical_json(digests)).hexdigest()[:8]
    model_version = f"{PREFIX}{outcome.model.trained_as_of:%Y%m%d}-h{outcome.model.horizon_days}-{digest}"
    write_folder(model_version, content, models, meanwhile="the champion stays")
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
    try:
        return _model_from(model_version, metadata, content)
    except (KeyError, TypeError) as error:
        raise DamagedFile(
            f"Model {model_version} was written by another version of Holdfast",
            f"{type(error).__name__}: {error}",
            AGAIN,
        ) from error


def _model_from(model_version: str, metadata: dict[str, Any], content: dict[str, bytes]) -> ChurnModel:
    trained_with = metadata["environment"]["libraries"]["scikit-learn"]
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
        parameters=metadata["parameters"],
        # models of before have none, and name reasons without them
        effects=effects_from_json(metadata.get("plain_effects", {})),
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
    # other kinds of models have a folder of their own in it
    return sorted(path.name for path in models.glob(f"{PREFIX}*") if path.is_dir())


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
    model, contest = outcome.model, outcome.contest
    return {
        "definition_id": outcome.definition_id,
        "candidate": model.candidate,
        "parameters": dict(model.parameters),
        "trained_as_of": model.trained_as_of,
        "horizon_days": model.horizon_days,
        "note": model.note,
        "contract": model.contract.to_json(),
        "plain_effects": effects_to_json(model.effects),
        "schema_hash": model.contract.schema_hash,
        "calibrator": calibrator_to_json(model.calibrator),
        "training_snapshots": [str(day) for day in outcome.plan.production],
        "comparison_snapshots": [str(day) for day in outcome.plan.training],
        "test_as_of_date": outcome.test_as_of_date,
        "compared_on": outcome.compared_on,
        "leak_alarms": list(contest.leak_alarms),
        "search": {
            "trials": Counter(trial.state for trial in contest.search.trials),
            "parameters": {name: dict(found) for name, found in contest.search.parameters.items()},
            "validated_on": contest.search.validated_on,
        },
        "rows": outcome.counts,
        "metrics": [asdict(metric) for metric in outcome.metrics],
        "seed": seed,
        "code_version": code_version(),
        "environment": environment(),
    }


def environment() -> dict[str, Any]:
    """Return what a model is made with: libraries, Python, and the kind of machine."""
    return {
        "libraries": {name: version(name) for name in LIBRARIES},
        "python": platform.python_version(),
        "platform": f"{sys.platform} {platform.machine()}",
    }


def _parquet(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()


def _verified(model_version: str, models: Path) -> dict[str, bytes]:
    """Read every file once and return the bytes that the signature vouches for."""
    return read_folder(model_version, FILES, models, again=AGAIN)

"""Uplift models on disk, signed like churn models: a folder each, in a folder of their own.

model.skops            the two learners
metadata.json          campaign, contract, scales, figures, environment
golden_rows.parquet    training rows and the uplift expected for each
SIGNATURE              see `ml.signing`
"""

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ml.artefact import TRUSTED_TYPES, canonical_json, code_version, estimator_bytes, estimator_from
from ml.features import FeatureContract
from ml.registry import environment
from ml.signed_folder import read_folder, write_folder
from ml.uplift.evaluation import UpliftFigure
from ml.uplift.model import Scale, UpliftModel
from warehouse.errors import DamagedFile

FOLDER = "uplift"
FILES = ("golden_rows.parquet", "metadata.json", "model.skops")
TRUSTED = (
    *TRUSTED_TYPES,
    "ml.uplift.learners.ClassTransformation",
    "ml.uplift.learners.TLearner",
    "ml.uplift.segments.SegmentEffects",
)
TOLERANCE = 1e-9
GOLDEN_ROWS = 64
PREDICTED = ("uplift_probability", "uplift_margin")
AGAIN = (
    "the policy stays the seed's until a model is trained again: `python -m ml train-uplift --as-of <day>`"
)


def save_uplift_model(
    model: UpliftModel, frame: pd.DataFrame, figures: Sequence[UpliftFigure], models: Path
) -> UpliftModel:
    """Write a model and return it with its version; the same training gives the same version and bytes.

    Parameters
    ----------
    model : UpliftModel
        What training made.
    frame : pandas.DataFrame
        The rows that it was trained on; some are kept to prove it by.
    figures : sequence of UpliftFigure
        What it was chosen for.
    models : Path
        The folder of all models; uplift models have a folder of their own in it.

    Raises
    ------
    HoldfastError
        If it cannot be written; nothing of it is left.
    """
    rows = frame.iloc[np.unique(np.linspace(0, len(frame) - 1, GOLDEN_ROWS).astype(int))]
    golden = rows[["as_of_date", "user_id", *model.contract.names]].reset_index(drop=True)
    golden = pd.concat([golden, model.predict(golden)], axis=1)
    buffer = io.BytesIO()
    golden.to_parquet(buffer, index=False)
    metadata = {
        "campaign_id": model.campaign_id,
        "trained_as_of": model.trained_as_of,
        "contract": model.contract.to_json(),
        "learners": dict(model.names),
        "scales": {outcome: asdict(scale) for outcome, scale in model.scales.items()},
        "figures": [asdict(figure) for figure in figures],
        "rows": len(frame),
        "code_version": code_version(),
        "environment": environment(),
    }
    content = {
        "model.skops": estimator_bytes(dict(model.learners)),
        "metadata.json": canonical_json(metadata),
        "golden_rows.parquet": buffer.getvalue(),
    }
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in content.items()}
    digest = hashlib.sha256(canonical_json(digests)).hexdigest()[:8]
    model_version = f"uplift-{model.trained_as_of:%Y%m%d}-{model.campaign_id}-{digest}"
    write_folder(model_version, content, models / FOLDER, meanwhile="the policy stays as it is")
    return replace(model, model_version=model_version)


def load_uplift_model(model_version: str, models: Path) -> UpliftModel:
    """Return a model, after checking its signature, its environment and its golden rows, in this order.

    Raises
    ------
    DamagedFile
        If a file is missing, unsigned, changed, made by another scikit-learn, or its golden rows do not
        replay.
    """
    content = read_folder(model_version, FILES, models / FOLDER, again=AGAIN)
    metadata: dict[str, Any] = json.loads(content["metadata.json"])
    trained_with = metadata["environment"]["libraries"]["scikit-learn"]
    if trained_with != version("scikit-learn"):
        raise DamagedFile(
            f"Model {model_version} was not made with scikit-learn {version('scikit-learn')}",
            trained_with,
            AGAIN,
        )
    model = UpliftModel(
        campaign_id=metadata["campaign_id"],
        trained_as_of=date.fromisoformat(metadata["trained_as_of"]),
        contract=FeatureContract.from_json(metadata["contract"]),
        learners=estimator_from(content["model.skops"], TRUSTED),
        names=metadata["learners"],
        scales={outcome: Scale(**scale) for outcome, scale in metadata["scales"].items()},
        model_version=model_version,
    )
    golden = pd.read_parquet(io.BytesIO(content["golden_rows.parquet"]))
    columns = list(PREDICTED)
    difference = np.abs(model.predict(golden)[columns].to_numpy() - golden[columns].to_numpy()).max()
    if not difference <= TOLERANCE:
        raise DamagedFile(
            f"Model {model_version} gives its golden rows another uplift than when it was made",
            f"largest difference {difference:.3g}",
            AGAIN,
        )
    return model

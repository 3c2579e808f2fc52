"""A model as bytes: skops for the estimator, JSON for the rest, the same bytes for the same model."""

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

import skops.io

from ml.calibration import Calibrator, Isotonic, Sigmoid
from ml.candidates import CANDIDATES
from warehouse.errors import DamagedFile

TRUSTED_TYPES = tuple(sorted({name for candidate in CANDIDATES for name in candidate.trusted_types}))
LONG_AGO = (1980, 1, 1, 0, 0, 0)


def estimator_bytes(estimator: Any) -> bytes:
    """Return an estimator in skops format, without the memory addresses and times that skops writes."""
    source = zipfile.ZipFile(io.BytesIO(skops.io.dumps(estimator)))
    numbers: dict[str, str] = {}

    def renumber(match: re.Match[str]) -> str:
        return match[1] + numbers.setdefault(match[2], str(len(numbers) + 1))

    schema = re.sub(r'("__id__": |"file": ")(\d+)', renumber, source.read("schema.json").decode())
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in source.namelist():
            if name != "schema.json":
                stem, dot, ending = name.partition(".")
                archive.writestr(_entry(numbers[stem] + dot + ending), source.read(name))
        archive.writestr(_entry("schema.json"), schema)
    return target.getvalue()


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, date_time=LONG_AGO)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def estimator_from(content: bytes, trusted: Collection[str] | None = None) -> Any:
    """Read an estimator back; only types on the list are built.

    Call it with bytes whose signature was verified.

    Raises
    ------
    DamagedFile
        If the file is no skops file, or names a type that is not on the list.
    """
    if not content.startswith(b"PK"):
        raise DamagedFile("model.skops is not a skops file", content[:4], "train the model again")
    allowed = TRUSTED_TYPES if trusted is None else trusted
    foreign = set(skops.io.get_untrusted_types(data=content)) - set(allowed)
    if foreign:
        raise DamagedFile(
            "model.skops names types that no model of ours is made of",
            sorted(foreign),
            "train the model again",
        )
    return skops.io.loads(content, trusted=list(allowed))


def calibrator_to_json(calibrator: Calibrator) -> dict[str, Any]:
    """Return a calibrator as plain values."""
    kind = "sigmoid" if isinstance(calibrator, Sigmoid) else "isotonic"
    return {"kind": kind, **vars(calibrator)}


def calibrator_from_json(value: dict[str, Any]) -> Calibrator:
    """Read back what `calibrator_to_json` wrote."""
    if value["kind"] == "sigmoid":
        return Sigmoid(value["slope"], value["intercept"])
    return Isotonic(value["log_odds"], value["probability"])


def code_version() -> str:
    """Return a digest of this package's sources: a model says which code made it."""
    digest = hashlib.sha256()
    package = Path(__file__).parent
    for path in sorted(package.rglob("*.py")):
        digest.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def canonical_json(value: Any) -> bytes:
    """Return JSON with sorted keys: equal values, equal bytes."""
    return json.dumps(value, sort_keys=True, indent=2, default=str).encode()

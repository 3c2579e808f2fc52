"""Signs models, so that a file is believed only if this Holdfast wrote it.

The signature of a model is an HMAC-SHA256 over its version and the sha256 of every file. The key is
`signing.key` in the folder of models, readable by its owner only.
"""

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from warehouse.errors import DamagedFile
from warehouse.publish.durable import fsync_file, fsync_folder

KEY = "signing.key"
KEY_BYTES = 32


def signature_of(model_version: str, files: Mapping[str, bytes], key: bytes) -> bytes:
    """Return the content of a model's signature file.

    Parameters
    ----------
    model_version : str
        The folder's name: a model under another name does not verify.
    files : mapping of str to bytes
        Every file that is vouched for.
    key : bytes
        See `signing_key`.
    """
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    signed = {"model_version": model_version, "files": digests}
    code = hmac.new(key, _canonical(signed), "sha256").hexdigest()
    return _canonical({**signed, "hmac_sha256": code})


def is_signed(model_version: str, files: Mapping[str, bytes], signature: bytes, key: bytes) -> bool:
    """Return whether a signature is that of these bytes; it takes the same time either way."""
    return hmac.compare_digest(signature, signature_of(model_version, files, key))


def signing_key(models: Path) -> bytes:
    """Return the key of a folder of models.

    Raises
    ------
    DamagedFile
        If there is none, or it was cut short.
    """
    path = models / KEY
    if not path.exists():
        raise DamagedFile(f"There is no key {path} to verify models with", None, "restore it, or train again")
    key = path.read_bytes()
    if len(key) < KEY_BYTES:
        raise DamagedFile(
            f"The key {path} to verify models with is too short",
            f"{len(key)} bytes",
            "restore it; or remove it and train again, and no older model is believed any more",
        )
    return key


def make_signing_key(models: Path) -> bytes:
    """Return the key of a folder of models, making it first if there is none.

    It appears whole: of two processes that begin at once, both use the key of the first.
    """
    path = models / KEY
    if not path.exists():
        temporary = models / f".{KEY}.{os.getpid()}.tmp"
        temporary.unlink(missing_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
        fsync_file(temporary)
        with suppress(FileExistsError):  # another process made one meanwhile
            os.link(temporary, path)
        temporary.unlink()
        fsync_folder(models)
    return signing_key(models)


def _canonical(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, sort_keys=True, indent=2).encode()

"""Signed folders of files: written whole or not at all, and verified before a byte is parsed."""

import os
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path

from ml.signing import is_signed, make_signing_key, signature_of, signing_key
from warehouse.errors import DamagedFile, HoldfastError
from warehouse.publish.durable import fsync_file, fsync_folder

SIGNATURE = "SIGNATURE"


def write_folder(name: str, content: Mapping[str, bytes], models: Path, *, meanwhile: str) -> None:
    """Write the files of a model and their signature; a folder that is there already stays as it is.

    Parameters
    ----------
    name : str
        Of the folder: the version of the model.
    content : mapping of str to bytes
        By file name.
    models : Path
        Where it is put, and where the key is.
    meanwhile : str
        What goes on without it, for the message of a failure.

    Raises
    ------
    HoldfastError
        If the folder cannot be written; nothing of it is left, and those that are there stay.
    """
    target = models / name
    if target.exists():
        return
    temporary = models / f".{name}.{os.getpid()}.tmp"
    try:
        models.mkdir(parents=True, exist_ok=True)
        signature = signature_of(name, content, make_signing_key(models))
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        for file, data in {**content, SIGNATURE: signature}.items():
            (temporary / file).write_bytes(data)
            fsync_file(temporary / file)
        fsync_folder(temporary)
        temporary.rename(target)
        fsync_folder(models)
    except OSError as error:
        shutil.rmtree(temporary, ignore_errors=True)
        if target.exists():  # another process finished the same model first
            return
        raise HoldfastError(
            f"Model {name} cannot be written to {models}; {meanwhile}",
            str(error),
            "make the folder writable and free some space, then train again",
        ) from error


def read_folder(name: str, files: Collection[str], models: Path, *, again: str) -> dict[str, bytes]:
    """Read every file once and return the bytes that the signature vouches for.

    Parameters
    ----------
    name : str
        Of the folder.
    files : collection of str
        What it holds beside the signature; nothing else may be in it.
    models : Path
        Where it is, and where the key is.
    again : str
        What to do about a damaged one.

    Raises
    ------
    DamagedFile
        If the folder or a file is missing, a foreign file is in it, or the signature does not fit.
    """
    folder = models / name
    if "/" in name or not folder.is_dir():
        raise DamagedFile(f"There is no model {name} in {models}", None, again)
    found = {path.name for path in folder.iterdir()}
    if found != {*files, SIGNATURE}:
        raise DamagedFile(
            f"Model {name} has missing or foreign files", sorted(found ^ {*files, SIGNATURE}), again
        )
    content = {file: (folder / file).read_bytes() for file in files}
    if not is_signed(name, content, (folder / SIGNATURE).read_bytes(), signing_key(models)):
        raise DamagedFile(
            f"The signature of model {name} does not fit: a file was changed, or another key signed",
            None,
            again,
        )
    return content

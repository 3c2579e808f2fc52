"""A folder of files that appears whole: its manifest says what is in it, `_SUCCESS` is written last.

It is written under a hidden name, made durable, and renamed. Whoever reads finds it complete or not at all; a
writer that was killed leaves a hidden folder, which the next one removes.
"""

import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from warehouse.errors import DamagedFile
from warehouse.publish.durable import fsync_file, fsync_folder, make_private_folder, sha256_of

MANIFEST = "manifest.json"
SUCCESS = "_SUCCESS"
FILE_MODE = 0o600
HIDDEN = ".{name}.part"
REMEDY = "move the folder away and write the lists again: python -m campaigns.lists --run <run_id>"


def publish_folder(path: Path, write: Callable[[Path], Mapping[str, Any]]) -> Path:
    """Make a folder appear, with everything in it; one writer at a time.

    Parameters
    ----------
    path : Path
        The folder; it must not be there.
    write : callable
        Writes files into the folder that it is given, and returns the manifest's content: under `files` a
        list with `name` and `sha256` of each.
    """
    make_private_folder(path.parent)
    for left in path.parent.glob(HIDDEN.format(name="*")):
        shutil.rmtree(left)
    hidden = path.with_name(HIDDEN.format(name=path.name))
    hidden.mkdir(mode=0o700)
    try:
        text = json.dumps(write(hidden), ensure_ascii=False, indent=2) + "\n"
        (hidden / MANIFEST).write_text(text, encoding="utf-8")
        everything = sorted(hidden.rglob("*"))
        for file in (one for one in everything if one.is_file()):
            file.chmod(FILE_MODE)
            fsync_file(file)
        for folder in (*(one for one in everything if one.is_dir()), hidden):
            fsync_folder(folder)
        os.close(os.open(hidden / SUCCESS, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE))
        fsync_folder(hidden)
        hidden.rename(path)
    except BaseException:
        shutil.rmtree(hidden, ignore_errors=True)
        raise
    fsync_folder(path.parent)
    return path


def read_folder(path: Path) -> dict[str, Any]:
    """Return the manifest of a complete folder, every file held to it.

    Raises
    ------
    DamagedFile
        If it is not complete, or a file is not what the manifest says.
    """
    try:
        manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        files = {file["name"]: file["sha256"] for file in manifest["files"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DamagedFile(f"{path} has no manifest that can be read", type(error).__name__, REMEDY) from error
    if not (path / SUCCESS).exists():
        raise DamagedFile(f"{path} was not written to its end", None, REMEDY)
    for name, sha256 in files.items():
        if not (path / name).is_file() or sha256_of(path / name) != sha256:
            raise DamagedFile(f"{path / name} is not what the manifest says", None, REMEDY)
    return dict(manifest)


def complete_folders(parent: Path, pattern: str) -> list[Path]:
    """Return the folders below a parent that readers can see."""
    return [path for path in sorted(parent.glob(pattern)) if not path.name.startswith(".")]


def free_path(parent: Path, name: str) -> Path:
    """Return a path that is not taken: the name itself, or with `-2`, `-3`, … at its end."""
    path, number = parent / name, 1
    while path.exists():
        number += 1
        path = parent / f"{name}-{number}"
    return path

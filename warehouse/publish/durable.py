"""Making sure that what was written is on the disk, names included."""

import hashlib
import os
import shutil
from pathlib import Path

FILE_MODE = 0o400  # a snapshot never changes; this stops an accident, not an owner who means it
FOLDER_MODE = 0o700


def fsync_file(path: Path) -> None:
    """Wait until a file's content is on the disk."""
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


def fsync_folder(path: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_private_folder(path: Path) -> None:
    """Create a folder, and those above it, for the owner only."""
    if path.is_dir():
        return
    make_private_folder(path.parent)
    path.mkdir(mode=FOLDER_MODE, exist_ok=True)


def remove_tree(path: Path) -> None:
    """Remove a folder, out of sight first: nobody finds half of it under its own name."""
    hidden = path.with_name(f".{path.name.lstrip('.')}.removed")
    if path != hidden:
        shutil.rmtree(hidden, ignore_errors=True)
        path.rename(hidden)
    shutil.rmtree(hidden)


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file as hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()

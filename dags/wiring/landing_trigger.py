"""Watch the landing folder: an event for every delivery that has arrived whole."""

import asyncio
import json
import os
import stat
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from warehouse.settings import Settings

POLL_SECONDS = 5.0
UNFINISHED_ENDINGS = (".tmp", ".part")
MANIFEST = "_manifest.json"

Signature = tuple[tuple[str, int, int], ...]


class LandedDeliveries(BaseEventTrigger):
    """Fire when a delivery folder of the active source is complete and new, or has changed.

    A folder is complete when it holds at least one file, no file whose name ends in .tmp or .part,
    every file that its manifest lists, and two looks in a row found the same names, sizes and times.
    What was seen is kept in memory: after a restart every folder is announced once more, in one
    event, and the ingest, which knows each file by its content, finds nothing to do.

    Parameters
    ----------
    poll_seconds : float
        Seconds between two looks.
    """

    def __init__(self, poll_seconds: float = POLL_SECONDS) -> None:
        super().__init__()
        self.poll_seconds = poll_seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what the triggerer needs to make this trigger again."""
        return ("dags.wiring.landing_trigger.LandedDeliveries", {"poll_seconds": self.poll_seconds})

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look again and again; one event for all folders that are newly complete."""
        settings = Settings.from_environment()
        look = Look(lambda: folder_signatures(settings.landing))
        while True:
            days = await asyncio.to_thread(look.newly_complete)
            if days:
                self.log.info("%s complete deliveries, the newest %s", len(days), days[-1])
                yield TriggerEvent({"source": settings.source, "newest": days[-1], "deliveries": len(days)})
            await asyncio.sleep(self.poll_seconds)


class Look:
    """Remember what earlier looks found, so that each delivery is announced once.

    Parameters
    ----------
    read : callable
        Returns the signature of every folder that could be complete.
    """

    def __init__(self, read: Callable[[], dict[str, Signature]]) -> None:
        self._read = read
        self._previous: dict[str, Signature] = {}
        self._announced: dict[str, Signature] = {}

    def newly_complete(self) -> list[str]:
        """Return the folders that did not change since the last look and were not announced as they are."""
        now = self._read()
        days = sorted(
            day
            for day, signature in now.items()
            if self._previous.get(day) == signature and self._announced.get(day) != signature
        )
        self._previous = now
        self._announced.update({day: now[day] for day in days})
        return days


def folder_signatures(landing: Path) -> dict[str, Signature]:
    """Return names, sizes and times of the files of every delivery folder that holds a whole delivery.

    Parameters
    ----------
    landing : Path
        ``landing/<source>``; it need not exist yet.

    Returns
    -------
    dict
        By folder name. Empty folders and folders with a file still being written are left out.
    """
    if not landing.is_dir():
        return {}
    found = {}
    with os.scandir(landing) as folders:
        for folder in folders:
            # a part of a day (`<day>.reported`) is taken with the next delivery and announces none
            if folder.is_dir() and "." not in folder.name and not folder.name.startswith("_"):
                signature = _signature(Path(folder.path))
                if signature:
                    found[folder.name] = signature
    return found


def _signature(folder: Path) -> Signature:
    files = []
    for parent, _, names in os.walk(folder):
        for name in names:
            if name.endswith(UNFINISHED_ENDINGS):
                return ()
            if name.startswith((".", "_")) and name != MANIFEST:
                continue
            path = Path(parent, name)
            try:
                status = path.stat()
            except FileNotFoundError:
                return ()
            if stat.S_ISREG(status.st_mode):
                files.append((str(path.relative_to(folder)), status.st_size, status.st_mtime_ns))
    names_there = {name for name, _, _ in files}
    return tuple(sorted(files)) if names_there - {MANIFEST} and _promised(folder) <= names_there else ()


def _promised(folder: Path) -> set[str]:
    """Return the file names that the folder's manifest lists; a manifest nobody can read promises nothing.

    The ingest refuses such a delivery, with the reason.
    """
    try:
        listed = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
        return {str(entry["name"]) for entry in listed}
    except (OSError, ValueError, KeyError, TypeError):
        return set()

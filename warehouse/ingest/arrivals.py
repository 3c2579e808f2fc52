"""What has landed: the folders of a source, and the files in them that were not seen before."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from warehouse.ingest.file_hashes import FileHashes
from warehouse.landing import MANIFEST_NAME
from warehouse.ledger import Delivery, DeliveryFile, Ledger
from warehouse.sources import Source, Table

PART_NAME = re.compile(r"(\d{4}-\d{2}-\d{2})\.[a-z]+")
Recorded = list[tuple[Delivery, tuple[DeliveryFile, ...]]]


@dataclass(frozen=True)
class LandedFile:
    """One file of a delivery. ``repeats`` names the delivery that brought the same bytes before."""

    path: Path
    relative_path: str
    table: Table
    sha256: str
    bytes: int
    repeats: str | None = None


@dataclass
class Arrival:
    """The files of one folder that were not seen before: one delivery, taken whole or not at all."""

    source: str
    day: date
    files: list[LandedFile]
    history: bool = False
    is_part: bool = False
    manifest_json: str | None = None
    manifest_rows: Mapping[str, int] = field(default_factory=dict)
    tables_there: frozenset[str] = frozenset()
    unknown_files: tuple[str, ...] = ()
    refusal: str | None = None

    @property
    def size(self) -> int:
        """Return about how many bytes its files take in memory."""
        return sum(f.bytes * (1 if f.path.suffix not in {".gz", ".parquet"} else 8) for f in self.files)

    @property
    def delivery_id(self) -> str:
        """Return the name of the delivery: it follows from source, day and content alone."""
        content = "\n".join(
            f"{file.relative_path}\t{file.table.name}\t{file.sha256}"
            for file in sorted(self.files, key=lambda file: file.relative_path)
        )
        text = f"{self.source}\n{self.day.isoformat()}\n{content}"
        return f"{self.source}-{self.day:%Y%m%d}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


class SeenFiles:
    """What the ledger knows of files: accepted content, and where it lay."""

    def __init__(self, deliveries: Recorded) -> None:
        self.by_content: dict[tuple[str, str], str] = {}
        self.by_path: dict[str, set[str]] = {}
        self.tables_by_day: dict[date, set[str]] = {}
        self.add(deliveries)

    def add(self, deliveries: Recorded) -> None:
        """Learn of more deliveries."""
        for delivery, files in deliveries:
            if delivery.status == "refused":
                continue
            own_folder = f"{delivery.delivery_date.isoformat()}/"
            for file in files:
                self.by_content.setdefault((file.table_name, file.sha256), delivery.delivery_id)
                self.by_path.setdefault(file.relative_path, set()).add(file.sha256)
                # a part of a day does not stand for the day's own delivery
                if file.relative_path.startswith(own_folder):
                    self.tables_by_day.setdefault(delivery.delivery_date, set()).add(file.table_name)

    def seen_here(self, relative_path: str, sha256: str) -> bool:
        """Say whether these bytes were seen at this place."""
        return sha256 in self.by_path.get(relative_path, ())


def recorded_deliveries(ledger: Ledger, source: Source) -> Recorded:
    """Return what the ledger knows of a source's deliveries, in the order of their numbers."""
    files = ledger.recorded_files(source.name)
    return [(delivery, files.get(delivery.delivery_id, ())) for delivery in ledger.deliveries(source.name)]


def day_folders(landing: Path, through: date | None) -> tuple[list[tuple[date, Path]], list[str]]:
    """Return the day folders up to `through`, oldest first, and the names that are no days."""
    days: list[tuple[date, Path]] = []
    strange: list[str] = []
    for path in sorted(landing.iterdir()) if landing.is_dir() else []:
        if path.name.startswith((".", "_")) or not path.is_dir():
            continue
        try:
            day = date.fromisoformat(path.name)
        except ValueError:
            if _day_of_part(path.name) is None:
                strange.append(path.name)
            continue
        if through is None or day <= through:
            days.append((day, path))
    return sorted(days), strange


def part_folders(landing: Path, through: date | None) -> list[tuple[date, Path]]:
    """Return the folders that hold parts of days up to `through`, oldest first; None: of no day.

    A part is taken with its day's own delivery or after it, so that it never makes a day by itself.
    """
    found = []
    for path in sorted(landing.iterdir()) if landing.is_dir() and through is not None else []:
        day = _day_of_part(path.name)
        if day is not None and through is not None and day <= through and path.is_dir():
            found.append((day, path))
    return sorted(found)


def _day_of_part(name: str) -> date | None:
    """Return the day of a folder that holds a part of it, or None for any other folder."""
    named = PART_NAME.fullmatch(name)
    try:
        return date.fromisoformat(named[1]) if named is not None else None
    except ValueError:
        return None


def look_at(source: Source, day: date, folder: Path, seen: SeenFiles, hashes: FileHashes) -> Arrival | None:
    """Return what is new in a folder, or None if everything in it was seen before."""
    arrival = Arrival(source=source.name, day=day, files=[])
    unknown: list[str] = []
    is_part = arrival.is_part = folder.name != day.isoformat()
    present = frozenset() if is_part else frozenset(seen.tables_by_day.get(day, set()))
    everything_seen = True
    names: set[str] = set()
    for path in sorted(folder.iterdir()):
        if path.name.startswith((".", "_")) or path.name.endswith((".tmp", ".part")) or not path.is_file():
            continue
        names.add(path.name)
        relative = f"{folder.name}/{path.name}"
        data_hash, size = hashes.of(relative, path)
        if seen.seen_here(relative, data_hash):
            continue
        tables = [table for table in source.tables if table.matches(path.name)]
        if len(tables) != 1:
            unknown.append(path.name)
            if len(tables) > 1:
                arrival.refusal = (
                    f"{path.name} matches the files of {' and '.join(t.name for t in tables)}. "
                    f"To do: make the `files` patterns in {source.path} exclude each other"
                )
            continue
        everything_seen = False
        table = tables[0]
        repeats = seen.by_content.get((table.name, data_hash))
        arrival.files.append(LandedFile(path, relative, table, data_hash, size, repeats))
    if everything_seen and (present or is_part):
        return None
    arrival.unknown_files = tuple(unknown)
    arrival.tables_there = present | {file.table.name for file in arrival.files}
    _mark_repeats_inside(arrival)
    if arrival.refusal is None:
        arrival.refusal = _hold_to_manifest(arrival, folder, names)
        if arrival.refusal is None and not is_part:
            arrival.refusal = _missing_tables(arrival, source)
    return arrival if arrival.files or arrival.refusal else None


def _mark_repeats_inside(arrival: Arrival) -> None:
    first: set[tuple[str, str]] = set()
    for position, file in enumerate(arrival.files):
        content = (file.table.name, file.sha256)
        if content in first and file.repeats is None:
            arrival.files[position] = LandedFile(
                file.path, file.relative_path, file.table, file.sha256, file.bytes, "this delivery"
            )
        first.add(content)


def _missing_tables(arrival: Arrival, source: Source) -> str | None:
    missing = [t for t in source.tables if t.required and t.name not in arrival.tables_there]
    if not missing:
        return None
    table = missing[0]
    found = ", ".join(arrival.unknown_files) or "no other file"
    return (
        f"The delivery of {arrival.day} lacks {', '.join(t.name for t in missing)}, required every day: "
        f"no file matches {' or '.join(table.files)} (besides the known files there is {found}). "
        "To do: deliver the file, or name it as declared"
    )


def _hold_to_manifest(arrival: Arrival, folder: Path, names: set[str]) -> str | None:
    path = folder / MANIFEST_NAME
    if not path.is_file():
        return None
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        listed = {entry["name"]: entry for entry in manifest["files"]}
    except (ValueError, TypeError, KeyError) as error:
        return f"{folder.name}/{MANIFEST_NAME} cannot be read: {error!r}. To do: write it again"
    arrival.manifest_json = json.dumps(manifest, sort_keys=True)
    arrival.history = manifest.get("history") is True
    for name in sorted(set(listed) - names):
        return (
            f"The delivery of {arrival.day} is not complete: the manifest lists {name}, which is not there. "
            "To do: deliver it, or correct the manifest"
        )
    rows: dict[str, int] = {}
    for file in arrival.files:
        entry: dict[str, Any] | None = listed.get(file.path.name)
        if entry is None:
            if file.repeats is None:
                return (
                    f"{file.relative_path} is not in the manifest of its folder. "
                    "To do: add it to the manifest, or remove it"
                )
            continue
        for key, found in (("bytes", file.bytes), ("sha256", file.sha256)):
            if entry.get(key) is not None and entry[key] != found:
                return (
                    f"{file.relative_path}: the manifest says {key} {entry[key]}, the file has {found}. "
                    "To do: deliver the file again, whole"
                )
        if entry.get("rows") is not None:
            rows[file.relative_path] = int(entry["rows"])
    arrival.manifest_rows = rows
    return None

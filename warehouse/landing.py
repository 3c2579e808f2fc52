"""Put files where deliveries land: one folder per source and day, whole or not at all."""

import datetime as dt
import hashlib
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from warehouse.errors import ContractBreach
from warehouse.settings import Settings

DAY_IN_NAME = re.compile(r"(?<!\d)(\d{4}-\d{2}-\d{2})(?!\d)")
MANIFEST_NAME = "_manifest.json"
#: A folder beside a day's own: more of the same day, of which no table is required and no manifest is asked.
PART_OF_A_DAY = "{day}.{part}"


@dataclass(frozen=True)
class Landed:
    """What `land` did: how many files it copied, how many were there already, over how many days."""

    copied: int
    already_there: int
    days: int


def land(
    settings: Settings,
    data: Path,
    *,
    day: dt.date | None = None,
    history: bool = False,
    progress: Callable[[str], None] = print,
) -> Landed:
    """Copy delivered files into ``landing/<source>/<day>/``.

    A file's day is the last date (YYYY-MM-DD) in its path below `data`, unless `day` is given.

    Parameters
    ----------
    settings : Settings
        Says where landing is and which source is active.
    data : Path
        A file, or a folder that is searched with its subfolders.
    day : date, optional
        The delivery day of every file, for files whose names carry no date.
    history : bool
        Mark the delivery as a load of history: its rows count as known from their own day on,
        not from the day of delivery. Needs `day`.
    progress : callable
        Told what is going on, one line at a time.

    Raises
    ------
    ContractBreach
        If `data` is missing or empty, or a file has no date and `day` is not given.
    """
    data = data.expanduser()
    files = [data] if data.is_file() else sorted(path for path in data.rglob("*") if path.is_file())
    files = [path for path in files if _is_delivered(path.relative_to(data.parent))]
    if not files:
        raise ContractBreach(
            "There is nothing to land", str(data), "name a file or a folder with files: DATA=path"
        )
    if history and day is None:
        raise ContractBreach(
            "A load of history needs its day", None, "add --day YYYY-MM-DD (the export's day)"
        )
    by_day: dict[dt.date, list[Path]] = {}
    for path in files:
        by_day.setdefault(day or _day_of(path, data), []).append(path)

    copied = already_there = 0
    for position, (delivery_day, paths) in enumerate(sorted(by_day.items()), start=1):
        folder = settings.landing / delivery_day.isoformat()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for path in sorted(paths, key=lambda path: path.name == MANIFEST_NAME):
            target = folder / path.name
            if target.exists() and _sha256(target) == _sha256(path):
                already_there += 1
                continue
            if target.exists():
                target = folder / f"{path.stem}.{_sha256(path)[:8]}{path.suffix}"
            _copy_whole(path, target)
            copied += 1
        if history:
            _write_manifest_of_history(folder)
        if position % 100 == 0 or position == len(by_day):
            progress(f"landed {position:,} of {len(by_day):,} days ({copied:,} new files)")
    return Landed(copied=copied, already_there=already_there, days=len(by_day))


def _is_delivered(path: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.parts)
    return (
        not hidden
        and (not path.name.startswith("_") or path.name == "_manifest.json")
        and path.name != "SHA256SUMS"
    )


def _day_of(path: Path, data: Path) -> dt.date:
    found = DAY_IN_NAME.findall(str(path.relative_to(data.parent)))
    if not found:
        raise ContractBreach(
            f"The file {path} has no delivery day in its name or folder",
            path.name,
            "put it in a folder named YYYY-MM-DD, or name the day: --day YYYY-MM-DD",
        )
    try:
        return dt.date.fromisoformat(found[-1])
    except ValueError as error:
        raise ContractBreach(
            f"The file {path} names a day that does not exist", found[-1], "rename it"
        ) from error


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _copy_whole(path: Path, target: Path) -> None:
    temporary = target.with_name(f".{target.name}.part")
    try:
        shutil.copyfile(path, temporary)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _write_manifest_of_history(folder: Path) -> None:
    files = [
        {"name": path.name, "bytes": path.stat().st_size, "sha256": _sha256(path)}
        for path in sorted(folder.iterdir())
        if not path.name.startswith((".", "_"))
    ]
    temporary = folder / f".{MANIFEST_NAME}.part"
    temporary.write_text(json.dumps({"history": True, "files": files}, indent=1) + "\n")
    temporary.replace(folder / MANIFEST_NAME)

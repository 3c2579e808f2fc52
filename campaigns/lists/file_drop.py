"""File drops for marketing tools: the whole audience of a campaign, and what changed since the last drop.

<home>/lists/<source>/files/audience=<campaign>/as_of_date=<day>/run_id=<run>/
    full/part-00000.parquet  part-00000.csv  …      everybody who is in the audience
    delta/part-00000.parquet  part-00000.csv  …     added, removed and changed since the drop before
    manifest.json                                   rows, columns, sha256 of every file
    _SUCCESS                                        written last: without it there is no folder
"""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from campaigns.lists.entries import COLUMNS, OF_THE_CONTACT, Entry
from campaigns.lists.files import file_facts, read_parquet, schema_facts, write_csv, write_parquet
from campaigns.lists.folders import complete_folders, free_path, publish_folder, read_folder
from warehouse.ledger import Run

FOLDER = "files"
PART_ROWS = 100_000
CHANGE = {"change": ("text", "added, removed or changed since the drop that the manifest names.")}

Row = Mapping[str, Any]


class FileDrop:
    """Writes drops.

    Parameters
    ----------
    root : Path
        Where lists of the source are.
    part_rows : int
        Rows in one file at most.
    """

    channel = "file"

    def __init__(self, root: Path, *, part_rows: int = PART_ROWS) -> None:
        self._root = root / FOLDER
        self._part_rows = part_rows

    def handed_over(self, campaign_id: str, run: Run, message_ids: Collection[str]) -> set[str]:
        """Return those messages that are in a drop of the campaign's day already."""
        parent = self._audience(campaign_id) / f"as_of_date={run.as_of_date}"
        found: set[str] = set()
        for path in complete_folders(parent, "run_id=*"):
            found |= {row["message_id"] for row in _rows_of(path)}
        return found & set(message_ids)

    def write(self, run: Run, entries: Sequence[Entry], *, now: datetime) -> Path:
        """Write the drop of one campaign: all of its audience, and the difference to the drop before."""
        campaign_id = entries[0].message.campaign_id
        audience = self._audience(campaign_id)
        before = self._before(audience, run)
        rows = sorted((entry.row() for entry in entries), key=lambda row: str(row["user_id"]))
        changes = difference([] if before is None else _rows_of(before), rows)
        path = free_path(audience / f"as_of_date={run.as_of_date}", f"run_id={run.run_id}")

        def write(folder: Path) -> dict[str, Any]:
            full = self._parts(folder, "full", COLUMNS, rows)
            delta = self._parts(folder, "delta", {**CHANGE, **COLUMNS}, changes)
            counted = {
                name: sum(row["change"] == name for row in changes)
                for name in ("added", "removed", "changed")
            }
            return {
                "manifest_version": 1,
                "kind": "file_drop",
                "source": run.source,
                "audience": campaign_id,
                "as_of_date": run.as_of_date.isoformat(),
                "run_id": run.run_id,
                "created_at": now.isoformat(),
                "full": {"rows": len(rows)},
                "delta": {"rows": len(changes), **counted, "against": _named(audience, before)},
                "columns": schema_facts(COLUMNS),
                "files": [*full, *delta],
            }

        return publish_folder(path, write)

    def _audience(self, campaign_id: str) -> Path:
        return self._root / f"audience={campaign_id}"

    def _before(self, audience: Path, run: Run) -> Path | None:
        """Return the newest drop of the audience up to the run's day."""
        drops = [
            path
            for path in complete_folders(audience, "as_of_date=*/run_id=*")
            if path.parent.name <= f"as_of_date={run.as_of_date}"
        ]
        return max(drops, key=_order, default=None)

    def _parts(
        self, folder: Path, name: str, columns: Mapping[str, tuple[str, str]], rows: Sequence[Row]
    ) -> list[dict[str, Any]]:
        """Write rows as Parquet and CSV, so many in each file; no rows, no file."""
        target = folder / name
        target.mkdir(mode=0o700)
        facts = []
        for number, first in enumerate(range(0, len(rows), self._part_rows)):
            part = rows[first : first + self._part_rows]
            parquet, text = (target / f"part-{number:05d}.{suffix}" for suffix in ("parquet", "csv"))
            write_parquet(parquet, columns, part)
            write_csv(text, columns, part)
            facts += [file_facts(folder, path, len(part)) for path in (parquet, text)]
        return facts


def difference(before: Sequence[Row], after: Sequence[Row]) -> list[dict[str, Any]]:
    """Return the rows that make the one audience of the other, by user.

    Each has a `change`: `added`, `changed` (with the new values) or `removed` (with the old ones). That only
    the contact's own marks differ is no change.
    """
    old = {str(row["user_id"]): row for row in before}
    new = {str(row["user_id"]): row for row in after}
    changes = [{"change": "removed", **row} for user, row in old.items() if user not in new]
    for user, row in new.items():
        if user not in old:
            changes.append({"change": "added", **row})
        elif any(row[name] != old[user].get(name) for name in COLUMNS if name not in OF_THE_CONTACT):
            changes.append({"change": "changed", **row})
    return sorted(changes, key=lambda row: str(row["user_id"]))


def _rows_of(path: Path) -> list[dict[str, Any]]:
    """Return the whole audience of a drop, its files held to the manifest."""
    names = [file["name"] for file in read_folder(path)["files"]]
    wanted = [name for name in names if name.startswith("full/") and name.endswith(".parquet")]
    return [row for name in wanted for row in read_parquet(path / name)]


def _order(path: Path) -> tuple[str, list[int]]:
    """Order drops: by day, then by the numbers in the run's name, its epoch last, then within a run."""
    return (path.parent.name, [int(number) for number in re.findall(r"\d+", path.name)])


def _named(audience: Path, path: Path | None) -> str | None:
    return None if path is None else str(path.relative_to(audience))

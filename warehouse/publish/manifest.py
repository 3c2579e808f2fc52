"""The manifest of a snapshot: written last, verified before anything is served."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path

from warehouse.errors import DamagedFile
from warehouse.publish.durable import FILE_MODE, sha256_of

MANIFEST_NAME = "manifest.json"
DATABASE_NAME = "holdfast.duckdb"
VERSION = 1


@dataclass(frozen=True)
class Column:
    """One column of a published table."""

    name: str
    type: str
    description: str | None


@dataclass(frozen=True)
class TableFacts:
    """What a manifest says of one table."""

    kind: str
    rows: int
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class FileFacts:
    """What a manifest says of one file."""

    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """Everything that is said about one snapshot."""

    run_id: str
    epoch: int
    source: str
    as_of_date: date
    model_version: str | None
    created_at: datetime
    holdfast_version: str
    tables: Mapping[str, TableFacts]
    files: Mapping[str, FileFacts]
    derived_from: str | None = None

    @property
    def is_intraday(self) -> bool:
        """Whether it is a daily list in which a refresh replaced rows; `derived_from` is that list's run."""
        return self.derived_from is not None

    @property
    def position(self) -> tuple[date, int]:
        """Where the snapshot stands in time: readers only ever move forward in this."""
        return (self.as_of_date, self.epoch)

    @property
    def row_counts(self) -> dict[str, int]:
        """Rows by table."""
        return {name: table.rows for name, table in self.tables.items()}

    def write(self, folder: Path) -> None:
        """Write the manifest into a snapshot's folder."""
        content = {
            "manifest_version": VERSION,
            **asdict(self),
            "as_of_date": self.as_of_date.isoformat(),
            "created_at": self.created_at.isoformat(),
        }
        path = folder / MANIFEST_NAME
        path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        path.chmod(FILE_MODE)


def facts_of_files(folder: Path) -> dict[str, FileFacts]:
    """Measure every file of a folder but the manifest."""
    return {
        path.name: FileFacts(bytes=path.stat().st_size, sha256=sha256_of(path))
        for path in sorted(folder.iterdir())
        if path.name != MANIFEST_NAME
    }


def read_manifest(folder: Path) -> Manifest:
    """Read a snapshot's manifest.

    Raises
    ------
    DamagedFile
        If it is missing or not what `Manifest.write` wrote.
    """
    path = folder / MANIFEST_NAME
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Manifest(
            run_id=content["run_id"],
            epoch=content["epoch"],
            source=content["source"],
            as_of_date=date.fromisoformat(content["as_of_date"]),
            model_version=content["model_version"],
            created_at=datetime.fromisoformat(content["created_at"]),
            holdfast_version=content["holdfast_version"],
            tables={
                name: TableFacts(
                    table["kind"], table["rows"], tuple(Column(**column) for column in table["columns"])
                )
                for name, table in content["tables"].items()
            },
            files={name: FileFacts(**file) for name, file in content["files"].items()},
            # manifests of before know no refresh
            derived_from=content.get("derived_from"),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedFile(f"The manifest {path} cannot be read", str(error), ROLL_BACK) from error


def verify_snapshot(folder: Path) -> Manifest:
    """Read the manifest and hold every file to it.

    Raises
    ------
    DamagedFile
        If a file is missing, was added, or has other bytes; the message names it.
    """
    manifest = read_manifest(folder)
    found = {path.name for path in folder.iterdir()} - {MANIFEST_NAME}
    for name in sorted(found ^ set(manifest.files)):
        state = "is not in the manifest" if name in found else "is missing"
        raise DamagedFile(f"The file {folder / name} {state}", name, ROLL_BACK)
    for name, facts in manifest.files.items():
        size = (folder / name).stat().st_size
        if size != facts.bytes:
            raise DamagedFile(f"{folder / name} should have {facts.bytes} bytes", size, ROLL_BACK)
        sha256 = sha256_of(folder / name)
        if sha256 != facts.sha256:
            raise DamagedFile(f"{folder / name} should have sha256 {facts.sha256}", sha256, ROLL_BACK)
    return manifest


ROLL_BACK = "go back to a good snapshot: `python -m warehouse rollback --run <run_id>`, or publish again"

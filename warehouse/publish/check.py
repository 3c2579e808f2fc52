"""The reader's check: open what is served, hold it to its manifest, say what it is."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from warehouse.connections import open_read_only
from warehouse.errors import DamagedFile
from warehouse.ledger import Clock, utc_now
from warehouse.publish.manifest import DATABASE_NAME, ROLL_BACK, verify_snapshot
from warehouse.publish.pointer import current_snapshot
from warehouse.settings import Settings


@dataclass(frozen=True)
class CheckReport:
    """What readers are served, verified.

    Attributes
    ----------
    age : timedelta
        Time since the snapshot was made.
    row_counts : dict
        Rows by table, counted in the file and equal to the manifest.
    """

    run_id: str
    source: str
    as_of_date: date
    model_version: str | None
    created_at: datetime
    age: timedelta
    row_counts: dict[str, int]
    path: Path

    def __str__(self) -> str:
        width = max(map(len, self.row_counts))
        hours = self.age.total_seconds() / 3600
        return "\n".join(
            [
                f"run {self.run_id} of {self.source}, as of {self.as_of_date}: sound",
                f"made {self.created_at:%Y-%m-%d %H:%M} UTC, {hours:,.1f} hours ago",
                f"model {self.model_version or 'unknown'}",
                *(f"  {name:<{width}}  {rows:>12,} rows" for name, rows in self.row_counts.items()),
                f"in {self.path}",
            ]
        )


def check(settings: Settings, clock: Clock = utc_now) -> CheckReport:
    """Verify the snapshot that is served.

    Raises
    ------
    DamagedFile
        If nothing is published, a file differs from the manifest, or a table from its row count.
    """
    folder = current_snapshot(settings)
    manifest = verify_snapshot(folder)
    counts = {}
    with open_read_only(folder / DATABASE_NAME) as connection:
        for name, facts in manifest.tables.items():
            counts[name] = int(connection.execute(f"select count(*) from {name}").fetchall()[0][0])
            if counts[name] != facts.rows:
                raise DamagedFile(
                    f"{folder / DATABASE_NAME}: {name} should have {facts.rows} rows", counts[name], ROLL_BACK
                )
    return CheckReport(
        run_id=manifest.run_id,
        source=manifest.source,
        as_of_date=manifest.as_of_date,
        model_version=manifest.model_version,
        created_at=manifest.created_at,
        age=clock() - manifest.created_at,
        row_counts=counts,
        path=folder,
    )

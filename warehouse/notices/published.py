"""The risk alerts that a run published."""

from typing import Any

from warehouse.ledger import Run
from warehouse.publish import lease, read_manifest
from warehouse.publish.manifest import DATABASE_NAME
from warehouse.publish.pointer import snapshots_folder
from warehouse.reading import open_published
from warehouse.settings import Settings


def alerts_raised_by(settings: Settings, run: Run) -> list[dict[str, Any]]:
    """Return the alerts of the run's day that the run itself raised; those of refreshes before it are told.

    Raises
    ------
    DamagedFile
        If the run's snapshot is not there, or cannot be read.
    """
    folder = snapshots_folder(settings) / run.run_id
    if "risk_alerts" not in read_manifest(folder).tables:
        return []
    with lease(folder):
        connection = open_published(
            folder / DATABASE_NAME, threads=settings.threads, memory_limit=settings.memory_limit
        )
        try:
            found = connection.execute(
                "select * from risk_alerts where run_id = ? and as_of_date = ? order by alert_id",
                [run.run_id, run.as_of_date],
            )
            names = [column[0] for column in found.description or ()]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
        finally:
            connection.close()

"""Publishing: from the private build file to what readers open.

A publish writes a new folder under ``published/snapshots/``, verifies it, and moves the pointer
``published/current``. Readers see the old snapshot or the new one, never a mixture.
"""

from warehouse.publish.check import CheckReport, check
from warehouse.publish.manifest import Manifest, read_manifest, verify_snapshot
from warehouse.publish.pointer import current_snapshot, daily_snapshot, served_run_id
from warehouse.publish.publisher import Published, publish, recover_publishes, rollback
from warehouse.publish.retention import lease
from warehouse.publish.tables import PUBLISHED_TABLES, PublishedTable

__all__ = [
    "PUBLISHED_TABLES",
    "CheckReport",
    "Manifest",
    "Published",
    "PublishedTable",
    "check",
    "current_snapshot",
    "daily_snapshot",
    "lease",
    "publish",
    "read_manifest",
    "recover_publishes",
    "rollback",
    "served_run_id",
    "verify_snapshot",
]

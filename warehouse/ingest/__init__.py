"""From landed files to accepted, quarantined and duplicate rows.

Nothing is dropped silently: rows received = rows accepted + rows quarantined + exact duplicates,
for every file, checked before anything is stored.
"""

from warehouse.ingest.rebuilding import rebuild
from warehouse.ingest.report import DeliveryOutcome, IngestReport
from warehouse.ingest.run import ingest

__all__ = ["DeliveryOutcome", "IngestReport", "ingest", "rebuild"]

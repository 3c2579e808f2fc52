"""Take every delivery that has landed and was not taken before.

**When**: a delivery folder under `landing/<source>/` is complete; there is no clock. By hand: trigger it.
**Writes**: `raw.*` and `quarantine.rows` in the build file, deliveries in the ledger, a report.
Announces the asset `raw_deliveries` with the days to build.
**A refused delivery** is recorded with its reason, the others are taken, and the run then fails: no
day from the refused one on is built until it is delivered again.
**If it fails**: docs/runbook.md#ingest_deliveries. Safe to rerun: files are known by their content.
"""

from airflow.sdk import chain, dag

from dags.wiring.assets import LANDED_DELIVERIES
from dags.wiring.defaults import DAG_DEFAULTS, day_params
from dags.wiring.delivery_tasks import (
    announce_deliveries,
    ingest_landed,
    open_ingest_run,
    stop_if_refused,
)


@dag(schedule=[LANDED_DELIVERIES], params=day_params(), doc_md=__doc__, **DAG_DEFAULTS)
def ingest_deliveries() -> None:
    """Ingest, announce, and stop at a refusal."""
    runs = open_ingest_run()
    taken = ingest_landed(runs)
    chain(taken, announce_deliveries(taken), stop_if_refused(runs, taken))


ingest_deliveries()

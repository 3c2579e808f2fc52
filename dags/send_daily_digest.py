"""Tell both teams how the day stands, on one page.

**When**: every day at `HOLDFAST_NOTICE_DIGEST_AT` (08:00 UTC unless set).
**Says**: how fresh the list is, alerts since yesterday by kind and tier, campaigns that wait for approval; to
data engineers also gates, alarms, open failures and notices that wait. Nothing in it names a person.
**Writes**: the notice in the ledger; brings out what waited for a receiver that was down.
**If it fails**: docs/runbook.md#send_daily_digest. Safe to rerun: a day's digest goes out once.
"""

import os

from airflow.sdk import dag

from dags.wiring.defaults import DAG_DEFAULTS
from dags.wiring.notices import DIGEST_AT, DIGEST_AT_DEFAULT, daily_at, tell_day


@dag(schedule=daily_at(os.environ.get(DIGEST_AT) or DIGEST_AT_DEFAULT), doc_md=__doc__, **DAG_DEFAULTS)
def send_daily_digest() -> None:
    """Write the page and send it."""
    tell_day()


send_daily_digest()

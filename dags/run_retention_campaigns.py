"""Turn the day's published campaign actions into messages and lists, once each.

**When**: `risk_tiers` changes; only the newest day of the event. By hand: trigger with `as_of_date`; that
is a dry run, which says what would be sent to whom and writes nothing.
**Writes**: assignments, coupons, launches and the outbox in the ledger, in one transaction; then call
lists, file drops and the reverse-ETL table. Announces the asset `campaign_messages`.
**Sends only** what is opted in (`HOLDFAST_SENDING=on`), triggered by the line, of the newest published
day, and fresh. A campaign above its seed's size or cost waits for a person under *Required actions*;
without an answer it is not sent.
**If it fails**: docs/runbook.md#run_retention_campaigns. Safe to rerun: a decision has a key for ever,
and is recorded and sent once.
"""

from airflow.sdk import chain, dag

from dags.wiring.assets import RISK_TIERS
from dags.wiring.campaign_tasks import (
    announce_messages,
    approve_large_campaigns,
    close_unapproved,
    is_approval_needed,
    open_campaign_run,
    record_campaigns,
    release_approved,
    write_lists,
)
from dags.wiring.defaults import DAG_DEFAULTS, day_params


@dag(schedule=[RISK_TIERS], params=day_params(), doc_md=__doc__, **DAG_DEFAULTS)
def run_retention_campaigns() -> None:
    """Record what was decided, let a person approve what is large, hand out lists."""
    runs = open_campaign_run()
    recorded = record_campaigns(runs)
    closed = close_unapproved.override(trigger_rule="none_failed")(runs)
    chain(
        is_approval_needed(recorded),
        approve_large_campaigns(),
        release_approved(runs),
        write_lists.override(task_id="write_approved_lists")(runs),
        closed,
    )
    chain(recorded, write_lists(runs), closed, announce_messages(runs))


run_retention_campaigns()

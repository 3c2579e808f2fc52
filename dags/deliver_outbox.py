"""Send the messages that are released: e-mail, SMS, push, webhooks.

**When**: every five minutes; the outbox says what is due. Without `HOLDFAST_SENDING=on` it does nothing.
**Writes**: what became of each message, in the ledger.
**Checks again** at the last moment: consent, blocks, arm, caps, quiet hours, and whose address it is.
**If it fails**: docs/runbook.md#deliver_outbox. Safe to rerun, and to run twice at once: each message is
claimed by one relay, and a provider gets the same key for the same message, always.
"""

from airflow.sdk import CronTriggerTimetable, dag

from dags.wiring.campaign_tasks import relay_messages
from dags.wiring.defaults import DAG_DEFAULTS


# Every five minutes: quiet hours end and approvals come at any time of the day.
@dag(schedule=CronTriggerTimetable("*/5 * * * *", timezone="UTC"), doc_md=__doc__, **DAG_DEFAULTS)
def deliver_outbox() -> None:
    """Relay until nothing is due."""
    relay_messages()


deliver_outbox()

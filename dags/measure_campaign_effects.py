"""Measure what campaigns changed, against those who were held out.

**When**: `risk_tiers` changes. By hand: trigger with `as_of_date`.
**Writes**: `campaigns.campaign_effects` and what it is made of, in the build file; readers get it with
the next publish. Raises alarms: contamination, an arm of the wrong size.
**If it fails**: docs/runbook.md#measure_campaign_effects. Safe to rerun: the same facts give the same
figures.
"""

from airflow.sdk import chain, dag

from dags.wiring.assets import RISK_TIERS
from dags.wiring.campaign_tasks import copy_campaign_facts, open_effects_run, tell_campaign_alarms
from dags.wiring.dbt_group import dbt_models
from dags.wiring.defaults import DAG_DEFAULTS, day_params


@dag(schedule=[RISK_TIERS], params=day_params(), doc_md=__doc__, **DAG_DEFAULTS)
def measure_campaign_effects() -> None:
    """Take the ledger's facts, build the effects, say what is wrong."""
    runs = open_effects_run()
    chain(
        copy_campaign_facts(runs),
        dbt_models("effects", selector="effects"),
        tell_campaign_alarms(runs),
    )


measure_campaign_effects()

"""Build the features of the days that were delivered.

**When**: `raw_deliveries` changes; the event says which days. By hand: trigger with `as_of_date`.
**Writes**: `staging` to `features` in the build file (one dbt build, one task per model to look at),
built days in the ledger. Announces the asset `user_features`.
**Gates**: raw before, features after. A red gate stops the line; what is published stays.
**If it fails**: docs/runbook.md#build_user_features. Safe to rerun: a day gives the same rows again.
"""

from airflow.sdk import chain, dag

from dags.wiring.assets import RAW_DELIVERIES
from dags.wiring.dbt_group import dbt_models
from dags.wiring.defaults import DAG_DEFAULTS, day_params
from dags.wiring.feature_tasks import announce_features, record_built_days
from dags.wiring.gate_tasks import check_gate
from dags.wiring.runs import open_runs


@dag(schedule=[RAW_DELIVERIES], params=day_params(), doc_md=__doc__, **DAG_DEFAULTS)
def build_user_features() -> None:
    """Check what came in, build, check what goes on."""
    runs = open_runs("features")
    chain(
        check_gate.override(task_id="check_raw_tables")("raw", runs),
        dbt_models("features", selector="features"),
        check_gate.override(task_id="check_features")("features", runs),
        record_built_days(runs),
        announce_features(runs),
    )


build_user_features()

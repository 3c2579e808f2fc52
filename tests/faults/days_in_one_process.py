"""Run DAGs for days of the past: ``python -m tests.faults.days_in_one_process conf dag:day ...``.

What a backfill does through `replay_past_days`, without a scheduler. Prints the state of each DAG run.
"""

import json
import os
import sys

from dags.run_day import read_dags
from dags.wiring.airflow_home import enter, prepare_database
from dags.wiring.quiet import output_to
from warehouse.settings import Settings


def main(conf: dict[str, object], steps: list[tuple[str, str]]) -> None:
    settings = Settings.from_environment()
    log = enter(settings) / "logs" / "days.log"
    states = []
    with output_to(log):
        prepare_database()
        dags = read_dags()
        for dag_id, day in steps:
            states.append(str(dags[dag_id].test(run_conf=conf | {"as_of_date": day}).state))
    os.write(1, json.dumps(states).encode())


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), [(step.split(":")[0], step.split(":")[1]) for step in sys.argv[2:]])

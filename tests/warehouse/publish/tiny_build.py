"""A build file of a few rows with every relation that is published, and a whole publish over it.

Run as a program it publishes one day: tests start it as a process of its own to kill it.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

from warehouse.connections import open_build
from warehouse.ledger import Ledger, Run
from warehouse.publish import publish
from warehouse.publish.tables import PUBLISHED_TABLES
from warehouse.settings import Settings

FIRST_DAY = date(2024, 3, 1)


@contextmanager
def fast_home() -> Iterator[Path]:
    """Yield a folder in memory where there is one: hundreds of publishes wait for no disk."""
    memory = Path("/dev/shm")  # noqa: S108  the folder made in it has a name nobody can foresee
    home = Path(tempfile.mkdtemp(prefix="hf-", dir=memory if os.access(memory, os.W_OK) else None))
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


def tiny_settings(home: Path, **changes: object) -> Settings:
    """Return settings for a home of its own."""
    return Settings(
        home=home,
        source="tiny_shop",
        ledger_url=f"sqlite:///{home / 'ledger' / 'ledger.db'}",
        memory_limit="512MB",
        **changes,  # type: ignore[arg-type]
    )


def build_day(settings: Settings, run: Run, users: int = 5, model: str = "model-1") -> None:
    """Put into the build file what a day's run leaves there: history kept, the day replaced."""
    day = run.as_of_date
    with open_build(settings) as connection:
        connection.execute("create schema if not exists risk; create schema if not exists reporting")
        connection.execute(
            "create table if not exists risk.user_risk_tiers_history (as_of_date date, user_id varchar, "
            "risk_tier varchar, churn_probability double, previous_risk_tier varchar, run_id varchar)"
        )
        connection.execute(
            "comment on table risk.user_risk_tiers_history is 'One row per as_of_date and user.';"
            "comment on column risk.user_risk_tiers_history.risk_tier is 'high, medium or low.'"
        )
        connection.execute(
            "create table if not exists reporting.churn_scores_history (as_of_date date, user_id varchar, "
            "churn_probability double, model_version varchar, run_id varchar)"
        )
        for table in ("risk.user_risk_tiers_history", "reporting.churn_scores_history"):
            connection.execute(f"delete from {table} where as_of_date = ?", [day])
        connection.execute(
            "insert into risk.user_risk_tiers_history select $day, 'u' || i, "
            "case when i % 5 < 2 then 'high' when i % 5 = 2 then 'medium' else 'low' end, 1 - i / $users, "
            "null, $run from range($users) numbers(i)",
            {"day": day, "users": users, "run": run.run_id},
        )
        connection.execute(
            "insert into reporting.churn_scores_history select as_of_date, user_id, churn_probability, "
            "$model, run_id from risk.user_risk_tiers_history where as_of_date = $day",
            {"day": day, "model": model},
        )
        connection.execute(
            "create or replace table reporting.at_risk_users as select "
            "row_number() over (order by churn_probability desc, user_id) as risk_rank, *, "
            "'=cmd|''/c calc''!A0' as reason_1_sentence_en, -1.5::double as reason_1_value "
            "from risk.user_risk_tiers_history where as_of_date = $day and risk_tier <> 'low'",
            {"day": day},
        )
        connection.execute(
            "create or replace table reporting.user_features_latest as select as_of_date, user_id, "
            "7 as active_days_30d from risk.user_risk_tiers_history where as_of_date = $day",
            {"day": day},
        )
        connection.execute(
            "create or replace table reporting.data_quality_report as select $day as as_of_date, "
            "'raw' as gate, true as success",
            {"day": day},
        )
        connection.execute(
            "create or replace table reporting.model_report as select $model as model_version, "
            "$day::date as trained_as_of, candidate, metric, value, lower, upper, "
            "$day::date - 90 as test_as_of_date, 90 as horizon_days, 'Compared out of time.' as note "
            "from (values ('recency_rule', 'roc_auc', 0.7, 0.6, 0.8), "
            "('boosted_trees', 'roc_auc', 0.8, 0.7, 0.9), "
            "('boosted_trees', 'roc_auc_over_recency', 0.1, 0.05, 0.15), "
            "('boosted_trees', 'is_chosen', 1, null, null)) "
            "as figures (candidate, metric, value, lower, upper)",
            {"model": model, "day": day},
        )
        connection.execute("create schema if not exists campaigns")
        connection.execute(
            "create or replace table campaigns.campaign_actions as "
            "select $day::date as as_of_date, user_id, campaign_id, arm, $run as run_id "
            "from (values ('u0', 'recommendation', 'treatment'), ('u1', 'recommendation', 'holdout')) "
            "as chosen (user_id, campaign_id, arm)",
            {"day": day, "run": run.run_id},
        )
        for table in PUBLISHED_TABLES:
            connection.execute(f"create schema if not exists {table.relation.split('.')[0]}")
            connection.execute(
                f"create table if not exists {table.relation} ({table.day_column} date, run_id varchar)"
            )
        connection.execute(
            "create or replace table reporting.run_info as select $run as run_id, $day as as_of_date",
            {"run": run.run_id, "day": day},
        )


def begin_and_build(settings: Settings, ledger: Ledger, day_number: int = 0, users: int = 5) -> Run:
    """Begin a run for the n-th day and build it."""
    run = ledger.begin_run("score", settings.source, FIRST_DAY + timedelta(days=day_number))
    build_day(settings, run, users)
    return run


def main(home: str, run_id: str) -> None:
    """Publish a run that is built already."""
    settings = tiny_settings(Path(home))
    with Ledger.open(settings) as ledger:
        publish(settings, ledger, ledger.run(run_id))


if __name__ == "__main__":
    main(*sys.argv[1:])

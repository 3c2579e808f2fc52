"""Homes of a made-up shop that `ml.entry` can train and score, with few definitions of churn."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from ml.training import snapshots_to_build
from tests.ml.makers import AS_OF, FIRST_DAY, HORIZON, TRAINED_AS_OF, make_build
from warehouse.connections import open_build
from warehouse.settings import REPOSITORY, Settings

USERS = 600
A_MONTH_LATER = TRAINED_AS_OF + timedelta(days=28)
IN_FORCE, BESIDE, NOBODY = "paid_order_30d", "few_orders_30d", "many_orders_30d"
# One in force, one about some of the users, one about nobody; all of the same labels.
DEFINITIONS = f"""\
definition_id,label_kind,horizon_days,active_within_days,fewest_paid_days,most_paid_days,is_in_force,meaning
{IN_FORCE},paid_order,{HORIZON},180,1,,true,no paid order in 30 days
{BESIDE},paid_order,{HORIZON},120,1,3,false,the same; asked of recent buyers with few orders
{NOBODY},paid_order,{HORIZON},180,99,,false,the same; asked of those with 99 order days
"""
COMPLAINTS = "has_complained,complaints,support_messages,flag,A complaint: {value},投诉：{value},,\n"


@contextmanager
def few_definitions(folder: Path) -> Iterator[list[dict[str, Any]]]:
    """Let settings find DEFINITIONS, and keep trainings in a list instead of MLflow; yields that list."""
    seeds = folder / "seeds"
    shutil.copytree(REPOSITORY / "dbt_project" / "seeds", seeds)
    (seeds / "churn_definitions.csv").write_text(DEFINITIONS)
    with (seeds / "reason_texts.csv").open("a", encoding="utf-8") as texts:
        texts.write(COMPLAINTS)
    kept: list[dict[str, Any]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Settings, "dbt_project", property(lambda _settings: folder))
        # importing MLflow takes six seconds
        patch.setattr("ml.trainer.keep_training", lambda models, **facts: kept.append(facts))
        patch.setattr("ml.training.BACKTESTS_AT_MOST", 2)
        yield kept


def environment_of(home: Path) -> dict[str, str]:
    """Return the environment of a process that trains quickly."""
    return {
        "HOLDFAST_HOME": str(home),
        "HOLDFAST_SOURCE": "sample_shop",
        "HOLDFAST_DEFINITION": IN_FORCE,
        "HOLDFAST_CANDIDATES": "logistic_regression",
        "HOLDFAST_SEARCH_TRIALS": "0",
    }


def settings_of(home: Path) -> Settings:
    """Return the settings of a home."""
    return Settings.from_environment(environment_of(home))


def days_to_build() -> list[date]:
    """Return the snapshots of two training days, and a day to score after each."""
    needed = {
        day
        for evening in (TRAINED_AS_OF, A_MONTH_LATER)
        for day in snapshots_to_build(evening, HORIZON, FIRST_DAY)
    }
    return sorted({*needed, AS_OF, A_MONTH_LATER})


def open_shop(home: Path, users: int = USERS) -> Settings:
    """Fill the build file of a home."""
    settings = settings_of(home)
    with open_build(settings) as connection:
        make_build(connection, days_to_build(), users, known_on=(TRAINED_AS_OF, A_MONTH_LATER))
    return settings

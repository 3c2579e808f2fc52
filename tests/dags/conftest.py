"""A home of its own, set before anything imports Airflow; the manifest is written once."""

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

HOME = Path(tempfile.mkdtemp(prefix="holdfast-dags-"))
atexit.register(shutil.rmtree, HOME, ignore_errors=True)
os.environ["HOLDFAST_HOME"] = str(HOME)
os.environ["HOLDFAST_SOURCE"] = "sample_shop"
os.environ.pop("HOLDFAST_AIRFLOW_DB", None)
os.environ.pop("HOLDFAST_LEDGER_URL", None)

from dags.wiring.airflow_home import enter  # noqa: E402  the home must be set first
from warehouse.settings import Settings  # noqa: E402

enter(Settings.from_environment())


@pytest.fixture(scope="session")
def settings() -> Settings:
    return Settings.from_environment()


@pytest.fixture(scope="session")
def manifest(settings: Settings) -> Path:
    from warehouse.dbt_project import write_manifest

    return write_manifest(settings)


@pytest.fixture(scope="session")
def bag(manifest: Path) -> Iterator[Any]:
    from dags.wiring.airflow_home import prepare_database

    prepare_database()
    from airflow.dag_processing.dagbag import DagBag

    yield DagBag(os.environ["AIRFLOW__CORE__DAGS_FOLDER"])

"""dbt gets checked values only, and its failures name the model."""

import gc
import json
import warnings
from datetime import date
from pathlib import Path

import pytest

from tests.warehouse.dbt_makers import Shop
from warehouse.connections import writer_lock
from warehouse.dbt_project import (
    CONTRACT_TABLES,
    absent_tables,
    dbt_environment,
    dbt_vars,
    run_dbt,
    write_manifest,
)
from warehouse.errors import Busy, ContractBreach, HoldfastError, SettingsError
from warehouse.settings import REPOSITORY, Settings
from warehouse.sources import load_source


def settings_in(home: Path, source: str = "online_retail") -> Settings:
    return Settings.from_environment({"HOLDFAST_HOME": str(home), "HOLDFAST_SOURCE": source})


def test_days_are_sorted_and_each_is_given_once(tmp_path):
    days = [date(2011, 9, 9), "2011-06-09", "2011-09-09"]
    assert dbt_vars(settings_in(tmp_path), days)["as_of_dates"] == "2011-06-09,2011-09-09"


def test_what_the_source_lacks_is_told_to_dbt(tmp_path):
    variables = dbt_vars(settings_in(tmp_path))
    assert variables["time_zone"] == "Europe/London"
    assert "events" in str(variables["absent_tables"]).split(",")
    assert dbt_vars(settings_in(tmp_path, "sample_shop"))["absent_tables"] == ""


def test_the_definition_in_force_is_told_to_dbt_with_its_horizon(tmp_path):
    environment = {
        "HOLDFAST_HOME": str(tmp_path),
        "HOLDFAST_SOURCE": "online_retail",
        "HOLDFAST_DEFINITION": "paid_order_60d",
    }
    variables = dbt_vars(Settings.from_environment(environment))
    told = {name: variables[name] for name in ("definition_id", "horizon_days")}
    assert told == {"definition_id": "paid_order_60d", "horizon_days": 60}


@pytest.mark.parametrize(
    "day", ["2011-02-30", "yesterday", "2011-09-09'; drop table x; --", "{{ env_var('HOME') }}"]
)
def test_a_day_that_is_no_day_is_refused(tmp_path, day):
    with pytest.raises(SettingsError, match="must be a day"):
        dbt_vars(settings_in(tmp_path), [day])


def test_a_run_id_with_anything_but_letters_and_digits_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="run id"):
        dbt_vars(settings_in(tmp_path), run_id="1' or '1'='1")


def test_the_environment_keeps_dbts_files_out_of_the_repository(tmp_path):
    environment = dbt_environment(settings_in(tmp_path))
    for name in ("HOLDFAST_BUILD_FILE", "HOLDFAST_SPILL", "DBT_TARGET_PATH", "DBT_LOG_PATH"):
        assert Path(environment[name]).is_relative_to(tmp_path)
    assert environment["DBT_SEND_ANONYMOUS_USAGE_STATS"] == "false"


def staged(project: Path, *tables: str) -> None:
    folder = project / "models" / "staging" / "online_retail"
    folder.mkdir(parents=True, exist_ok=True)
    for table in tables:
        (folder / f"stg_online_retail__{table}.sql").touch()


class OwnProject(Settings):
    """Settings with a project of the test's own."""

    @property
    def dbt_project(self) -> Path:
        return self.home / "project"


@pytest.fixture
def own(tmp_path):
    return OwnProject(home=tmp_path, source="online_retail", ledger_url="")


def test_a_required_table_without_a_model_is_refused_with_its_path(own):
    staged(own.dbt_project, "users")
    with pytest.raises(ContractBreach, match=r"no staging model for orders.*stg_online_retail__orders\.sql"):
        absent_tables(own, load_source("online_retail"))


def test_a_table_neither_staged_nor_declared_absent_is_refused(own):
    staged(own.dbt_project, "users", "orders", "order_items", "returns")
    with pytest.raises(ContractBreach, match=r"no staging model for products.*list products under `absent`"):
        absent_tables(own, load_source("online_retail"))


def test_a_table_both_staged_and_declared_absent_is_refused(own):
    staged(own.dbt_project, "users", "orders", "order_items", "returns", "products", "events")
    with pytest.raises(ContractBreach, match="declares events absent"):
        absent_tables(own, load_source("online_retail"))


def test_the_contract_is_the_same_in_python_and_in_sql():
    text = (REPOSITORY / "dbt_project" / "macros" / "contract.sql").read_text()
    tables = text[text.index("{% set tables") : text.index("{{ return(tables")]
    named = [line.split("'")[1] for line in tables.splitlines() if line.strip().endswith("': {")]
    assert tuple(named) == CONTRACT_TABLES


@pytest.fixture
def dbt_fails():
    """Tidy up after a dbt run that failed: dbt leaves its pool of threads to the collector."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    return Shop(tmp_path_factory.mktemp("home"))


def test_the_manifest_needs_no_database(tmp_path):
    settings = settings_in(tmp_path)
    manifest = json.loads(write_manifest(settings).read_text())
    assert "model.holdfast.user_features" in manifest["nodes"]
    assert not settings.build_file.exists()


def test_only_the_active_sources_staging_is_built(tmp_path):
    settings = settings_in(tmp_path)
    found = run_dbt(settings, ["ls", "--quiet", "--selector", "features", "--resource-type", "model"])
    staged = {name.split(".")[2] for name in found if name.startswith("holdfast.staging.")}
    assert staged == {"online_retail"}
    assert "holdfast.marts.features.user_features" in found


def test_a_failed_model_is_named_with_what_the_database_said(shop, dbt_fails):
    shop.write("alter table raw.sample_shop__reviews rename column rating to stars")
    arguments = ["run", "--quiet", "--select", "stg_sample_shop__reviews"]
    with pytest.raises(HoldfastError, match=r"stg_sample_shop__reviews.*\"rating\""):
        run_dbt(shop.settings, arguments, dbt_vars(shop.settings))


def test_days_are_checked_once_more_where_they_become_sql(shop, dbt_fails):
    variables = {**dbt_vars(shop.settings), "as_of_dates": "2024-01-01' or true --"}
    with pytest.raises(HoldfastError, match="must be dates like"):
        run_dbt(shop.settings, ["compile", "--quiet", "--select", "int_users_observed"], variables)


def test_dbt_waits_for_no_other_writer(shop):
    with writer_lock(shop.settings), pytest.raises(Busy):
        run_dbt(shop.settings, ["run", "--select", "dim_users"])

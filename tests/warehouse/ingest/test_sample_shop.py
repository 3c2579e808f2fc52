"""What the simulated shop says of its own dirt is what ingest finds."""

import json
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from warehouse.ingest import ingest
from warehouse.ledger import Ledger
from warehouse.settings import Settings


@pytest.mark.slow
def test_every_row_of_the_simulated_shop_is_found_and_every_fault_caught(tmp_path: Path) -> None:
    command = "-m sample_shop --users 400 --days 40 --seed 3 --last-day 2026-06-30 --dirty-rate 0.03 --home"
    subprocess.run([sys.executable, *command.split(), str(tmp_path)], check=True, capture_output=True)
    settings = Settings.from_environment({"HOLDFAST_HOME": str(tmp_path), "HOLDFAST_SOURCE": "sample_shop"})
    with Ledger.open(settings) as ledger:
        report = ingest(settings, ledger, progress=lambda line: None)
    truth = json.loads((tmp_path / "sample_shop" / "truth" / "dirty_rows.json").read_text())
    assert report.refused == ()
    assert report.received_by_table == truth["rows_delivered"]
    broken = [tables for kind, tables in truth["faults"].items() if kind.startswith("malformed")]
    orphans = truth["faults"]["orphan"].get("order_items", 0)
    assert report.rows_quarantined == sum(sum(tables.values()) for tables in broken) + orphans
    with duckdb.connect(str(settings.build_file), read_only=True) as connection:
        for table, rows in truth["rows_of_the_shop"].items():
            if table == "returns":  # those without their order are kept
                continue
            schema = "vault" if table == "user_contacts" else "raw"
            ((found,),) = connection.execute(f"select count(*) from {schema}.sample_shop__{table}").fetchall()
            assert (table, found) == (table, rows - truth["rows_not_yet_delivered"].get(table, 0))

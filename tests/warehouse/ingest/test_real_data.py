"""UCI Online Retail, all 305 days: nothing is lost, and revenue agrees to the penny."""

import os
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from warehouse.ingest import ingest
from warehouse.landing import land
from warehouse.ledger import Ledger
from warehouse.settings import Settings

REAL_DATA = os.environ.get("HOLDFAST_REAL_DATA", "")


@pytest.mark.real_data
@pytest.mark.skipif(not REAL_DATA, reason="HOLDFAST_REAL_DATA names no folder with online_retail/by-day")
def test_every_row_of_online_retail_is_accounted_for(tmp_path: Path) -> None:
    settings = Settings.from_environment({"HOLDFAST_HOME": str(tmp_path), "HOLDFAST_SOURCE": "online_retail"})
    land(settings, Path(REAL_DATA) / "online_retail", progress=lambda line: None)
    with Ledger.open(settings) as ledger:
        report = ingest(settings, ledger, progress=lambda line: None)
    assert (len(report.accepted), len(report.deliveries)) == (305, 305)
    assert (report.rows_received, report.rows_accepted) == (541_909, 536_641)
    assert (report.rows_quarantined, report.rows_duplicate) == (0, 5_268)
    with duckdb.connect(str(settings.build_file), read_only=True) as connection:
        lines = "raw.online_retail__invoice_lines"
        ((revenue, customers, nameless, invoices),) = connection.execute(
            'select sum("Quantity" * "UnitPrice"), count(distinct "CustomerID"), '
            f'count(*) filter (where "CustomerID" is null), count(distinct "InvoiceNo") from {lines}'
        ).fetchall()
        ((repeated,),) = connection.execute(
            'select sum("Quantity" * "UnitPrice") from control.exact_duplicates as again '
            f"inner join {lines} as line on line.delivery_id = again.same_as_delivery_id "
            "and line.source_file = again.same_as_file and line.source_line = again.same_as_line"
        ).fetchall()
    assert (customers, invoices) == (4_372, 25_900)
    assert nameless <= 135_080
    assert revenue + repeated == Decimal("9747747.9340")
    assert revenue == Decimal("9726006.9540")

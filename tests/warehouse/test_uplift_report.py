"""What was learnt of whom campaigns help is published as it was written, and comes back from a snapshot."""

from datetime import date
from pathlib import Path

from ml.tables import UPLIFT_REPORT, UPLIFT_REPORT_COLUMNS, prepare_tables
from tests.warehouse.dbt_makers import Shop
from warehouse.connections import open_build
from warehouse.dbt_project import dbt_vars, run_dbt
from warehouse.publish import PUBLISHED_TABLES
from warehouse.publish.restore import REMEMBERED

SUNDAY = date(2026, 6, 28)
VERSION = "uplift-20260628-win_back_coupon-1a2b3c4d"


def test_the_report_is_published_with_its_tests_holding(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "home")
    with open_build(shop.settings) as connection:
        prepare_tables(connection)
        connection.execute(
            f"insert into {UPLIFT_REPORT} values "
            "(?, 'win_back_coupon', 'chosen', 'net_margin', 'qini', .4, .1, .7, 1500, false, 'above 0.', ?), "
            "(?, 'win_back_coupon', 'residual_linear', 'net_margin', 'qini', .4, .1, .7, 1500, true, '', ?), "
            "(?, 'education', 'seed', 'net_margin', 'users', 12, null, null, 12, false, 'Too little.', null)",
            [SUNDAY, VERSION, SUNDAY, VERSION, SUNDAY],
        )
    days = dbt_vars(shop.settings, [SUNDAY])
    run_dbt(shop.settings, ["build", "--quiet", "--select", "uplift_report"], days)
    rows = shop.rows("select campaign_id, learner, is_in_force from reporting.uplift_report order by all")
    assert rows == [
        ("education", "seed", False),
        ("win_back_coupon", "chosen", False),
        ("win_back_coupon", "residual_linear", True),
    ]
    columns = {row[0] for row in shop.rows("describe reporting.uplift_report")}
    # so that a rebuilt home finds it again under the names that training writes
    assert columns == set(UPLIFT_REPORT_COLUMNS)
    assert REMEMBERED["uplift_report"] == ("ml", "uplift_report")
    [published] = [table for table in PUBLISHED_TABLES if table.name == "uplift_report"]
    assert (published.relation, published.day_column) == ("reporting.uplift_report", "trained_as_of")

"""Eligible users and churn rates of the UCI Online Retail data, to the user.

Figures published for this data set count a day from its beginning; here a day ends with its last
second, so that the published figures of 2011-06-09 are those of the evening of 2011-06-08.
"""

import os
from datetime import date
from pathlib import Path

import pytest

from warehouse.connections import open_build
from warehouse.dbt_project import dbt_vars, run_dbt
from warehouse.ingest import ingest
from warehouse.landing import land
from warehouse.ledger import Ledger
from warehouse.reconcile import reconcile
from warehouse.settings import Settings

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.slow,
    pytest.mark.skipif(not os.environ.get("HOLDFAST_REAL_DATA"), reason="HOLDFAST_REAL_DATA is not set"),
]
LAST_COMPLETE_DAY = date(2011, 12, 8)
DAYS = [date(2011, 6, 8), date(2011, 6, 9), date(2011, 9, 8), date(2011, 9, 9)]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    settings = Settings.from_environment({"HOLDFAST_HOME": str(home), "HOLDFAST_SOURCE": "online_retail"})
    land(settings, Path(os.environ["HOLDFAST_REAL_DATA"]) / "online_retail")
    with Ledger.open(settings) as ledger:
        ingest(settings, ledger)
    run_dbt(settings, ["build", "--quiet", "--selector", "features"], dbt_vars(settings, DAYS))
    labels = dbt_vars(settings, [LAST_COMPLETE_DAY], label_step_days=1)
    run_dbt(settings, ["build", "--quiet", "--selector", "labels"], labels)
    with Ledger.open(settings) as ledger:
        for day in DAYS:
            ledger.record_built_day(ledger.begin_run("features", "online_retail", day))
        yield settings, ledger


@pytest.fixture
def build(shop):
    with open_build(shop[0]) as connection:
        yield connection


@pytest.mark.parametrize(
    ("day", "eligible", "rates"),
    [
        ("2011-06-08", 2626, (0.724, 0.586, 0.500)),
        ("2011-06-09", 2639, (0.739, 0.592, 0.505)),
        ("2011-09-08", 2779, (0.682, 0.504, 0.385)),
        ("2011-09-09", 2787, (0.686, 0.501, 0.382)),
    ],
)
def test_eligible_users_and_churn_rates_are_those_of_the_data(build, day, eligible, rates):
    found = build.execute(
        "select horizon_days, count(*), round(avg(churned::int), 3) from features.training_labels "
        "semi join (from features.user_features where is_eligible) using (as_of_date, user_id) "
        "where as_of_date = cast(? as date) and label_kind = 'paid_order' group by all order by 1",
        [day],
    ).fetchall()
    assert found == [(horizon, eligible, rate) for horizon, rate in zip((30, 60, 90), rates, strict=True)]


def test_every_line_is_accounted_for(build):
    lines = dict(
        build.execute("select line_kind, lines from staging.int_online_retail__lines_reconciled").fetchall()
    )
    assert lines == {
        "paid": 392_692,
        "cancellation": 8_872,
        "without_customer": 135_037,
        "not_paid_for": 40,
    }
    ((duplicates,),) = build.execute("select count(*) from control.exact_duplicates").fetchall()
    assert sum(lines.values()) + duplicates == 541_909


def test_paid_invoices_and_customers_are_all_there(build):
    found = build.execute(
        "select count(*), count(distinct user_id) from core.fct_orders where is_paid"
    ).fetchall()
    assert found == [(18_532, 4_338)]


@pytest.mark.parametrize(
    ("day", "eligible", "rates"),
    [
        (date(2011, 6, 8), "2,626", ("0.724", "0.586", "0.500")),
        (date(2011, 9, 8), "2,779", ("0.682", "0.504", "0.385")),
        (date(2011, 9, 9), "2,787", ("0.686", "0.501", "0.382")),
    ],
)
def test_the_books_come_out_to_the_penny(shop, day, eligible, rates):
    result = reconcile(*shop, day)
    told = {(fact.table_name, fact.rule): fact.observed for fact in result.facts}
    assert result.failures == ()
    assert told["invoice_lines", "rows_are_accounted_for"] == (
        "541,909 rows received = 536,641 accepted + 0 quarantined + 5,268 exact duplicates"
    )
    assert told["invoice_lines", "money_received"] == (
        "9,747,747.93 GBP received = 9,726,006.95 accepted + 21,740.98 exact duplicates"
    )
    assert told["paid", "lines_by_kind"].startswith("397,884 = 392,692 accepted + 5,192 exact duplicates")
    assert told["orders", "paid_orders"] == "18,532 of 4,338 customers, 2010-12-01 to 2011-12-09"
    assert told["user_features", "eligible_users"].startswith(f"{eligible} with a paid order")
    found = [told["users", f"churn_within_{horizon}_days"].split()[0] for horizon in (30, 60, 90)]
    assert tuple(found) == rates

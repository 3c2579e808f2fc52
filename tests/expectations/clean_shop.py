"""A small, clean build file with everything that the four gates look at, and ways to spoil it.

The shop is declared as `online_retail`; the rows are made here.
"""

import shutil
from datetime import date
from pathlib import Path

import duckdb
import pytest

from expectations.gate import run_gate
from warehouse.errors import GateFailure
from warehouse.ledger import Ledger, Run
from warehouse.settings import Settings

DAY = date(2011, 9, 9)
RAW = "raw.online_retail__invoice_lines"
ORDERS = "staging.stg_online_retail__orders"
USERS = "staging.stg_online_retail__users"
RETURNS = "staging.stg_online_retail__returns"
FEATURES = "features.user_features"
SCORES = "ml.churn_scores"
POPULATIONS = "features.definition_populations"
DEFINITION_SCORES = "ml.definition_scores"
TIERS = "risk.user_risk_tiers_history"
LIST = "reporting.at_risk_users"

# 50 delivered days of 200 lines: 25 % of guests, prices and quantities around 3
RAW_ROWS = f"""
create table {RAW} as
select
    'I' || d || '-' || (i // 4) as "InvoiceNo", 'P' || (i % 40) as "StockCode", 'thing' as "Description",
    (1 + hash(i, d) % 6)::bigint as "Quantity",
    (date '{DAY}' - d::int)::timestamp + interval 10 hour as "InvoiceDate",
    (1 + hash(d, i) % 400 / 100.0)::decimal(18, 4) as "UnitPrice",
    case when i % 4 > 0 then 'u' || (hash(i // 4, d) % 120) end as "CustomerID",
    case when i % 10 = 0 then 'France' else 'United Kingdom' end as "Country",
    date '{DAY}' - d::int as known_on
from range(50) days(d), range(200) lines(i)
"""

STAGED_ROWS = f"""
create table {USERS} as select 'u' || i as user_id, date '2011-01-01' as known_on from range(120) t(i);
create table {ORDERS} as
select
    'o' || i as order_id, 'u' || (i % 120) as user_id, 'GBP' as currency,
    (date '{DAY}' - (i % 200)::int)::timestamp as ordered_at, date '{DAY}' - (i % 200)::int as known_on,
    null::date as superseded_on
from range(1200) t(i);
create table {RETURNS} as
select
    'r' || i as return_id, 'o' || i as order_id, known_on,
    ordered_at + interval 2 hour as returned_at
from {ORDERS} join range(60) t(i) on order_id = 'o' || i
"""

# 8 days of 120 users, 100 of them eligible
FEATURE_ROWS = f"""
create table {FEATURES} as
select
    date '{DAY}' - d::int as as_of_date, 'u' || i as user_id, i < 100 as is_eligible,
    (i * 2)::bigint as days_since_last_paid_order, (1 + i % 7)::integer as paid_orders_365d,
    (20 + i * 3 + d)::double as net_amount_365d, (i % 11) / 10.0::double as discount_share_365d,
    case when i % 3 = 0 then 'France' else 'Spain' end as country, null::integer as sessions_90d,
    case when i % 4 > 0 then i::double end as purchase_gap_mean_days
from range(8) days(d), range(120) users(i)
"""

SCORE_ROWS = f"""
create table {SCORES} as
select
    as_of_date, user_id, (days_since_last_paid_order / 200.0)::double as churn_probability,
    days_since_last_paid_order / 2.0 as churn_percentile,
    (1 + days_since_last_paid_order // 20)::integer as churn_decile,
    'paid_orders_365d' as reason_1_code, 1.0::double as reason_1_value, 0.5::double as reason_1_contribution,
    null::varchar as reason_2_code, null::double as reason_2_value, null::double as reason_2_contribution,
    null::varchar as reason_3_code, null::double as reason_3_value, null::double as reason_3_contribution,
    'model-1' as model_version, 90 as horizon_days, 'run-' || as_of_date as run_id
from {FEATURES} where is_eligible
"""

# two definitions: one asks of every eligible user, the other of forty of them
DEFINITION_ROWS = f"""
create table {POPULATIONS} as
select as_of_date, user_id, definition_id
from {FEATURES} cross join (values ('paid_order_90d', 200), ('paid_order_90d_active_90d', 80)) as definitions
    (definition_id, active_within_days)
where is_eligible and days_since_last_paid_order < active_within_days;
create table {DEFINITION_SCORES} as
select
    as_of_date, user_id, definition_id, churn_probability, churn_percentile, churn_decile, horizon_days,
    case definition_id when 'paid_order_90d' then 'model-1' else 'model-2' end as model_version, run_id
from {SCORES} join {POPULATIONS} using (as_of_date, user_id)
"""

TIER_ROWS = f"""
create table {TIERS} as
select
    as_of_date, user_id, churn_probability, 'cutoff' as tier_mode, run_id,
    case when churn_probability >= 0.75 then 'high' when churn_probability >= 0.5 then 'medium' else 'low' end
        as risk_tier
from {SCORES};
create table {LIST} as
select *, 'Paid orders in the last 365 days: 1' as reason_1_sentence_en
from {TIERS} where as_of_date = date '{DAY}' and risk_tier <> 'low';
create table control.run as select date '{DAY}' as as_of_date, 'run-{DAY}' as run_id
"""


def make_clean_shop(folder: Path) -> Path:
    """Write the clean build file and return its path."""
    path = folder / "clean.duckdb"
    with duckdb.connect(str(path)) as connection:
        for schema in ("raw", "staging", "features", "ml", "risk", "reporting", "control"):
            connection.execute(f"create schema {schema}")
        for statement in (RAW_ROWS, STAGED_ROWS, FEATURE_ROWS, SCORE_ROWS, DEFINITION_ROWS, TIER_ROWS):
            connection.execute(statement)
    return path


class Shop:
    """A copy of the clean shop that a test may spoil and then hand to a gate."""

    def __init__(self, clean: Path, home: Path) -> None:
        self.settings = Settings(
            home=home, source="online_retail", ledger_url=f"sqlite:///{home / 'ledger' / 'ledger.db'}"
        )
        self.settings.build_file.parent.mkdir(parents=True)
        shutil.copy(clean, self.settings.build_file)
        self.ledger = Ledger.open(self.settings)
        self.run: Run = self.ledger.begin_run("features", "online_retail", DAY)

    def spoil(self, *statements: str) -> int:
        """Run statements on the build file; return the number of rows that the last one changed."""
        with duckdb.connect(str(self.settings.build_file)) as connection:
            for statement in statements:
                changed = connection.execute(statement).fetchone()
        return changed[0] if changed else 0


def spoiled_gate(shop: Shop, gate: str, statement: str) -> tuple[str, set[tuple[str, str | None]]]:
    """Spoil the shop, run a gate that must close; return its message, and rules and columns that failed."""
    assert shop.spoil(statement) > 0, "the statement changed nothing"
    with pytest.raises(GateFailure) as failure:
        run_gate(shop.settings, shop.ledger, shop.run, gate, [DAY], write_docs=False)
    results = shop.ledger.gate_results(shop.run.run_id)
    return str(failure.value), {(one.expectation, one.column) for one in results if not one.success}

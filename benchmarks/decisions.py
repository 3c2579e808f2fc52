"""Campaigns decided for every user of a large shop: who is eligible, who is chosen, what is done."""

import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from benchmarks.measure import in_own_process
from benchmarks.report import Figure, Section
from benchmarks.shop import settings_of
from campaigns.choose import choose_actions
from ml.tables import prepare_tables
from warehouse.control_campaigns import prepare_control_tables
from warehouse.dbt_project import dbt_vars, run_dbt
from warehouse.ingest.tables import prepare_tables as prepare_raw_tables
from warehouse.ledger import Run
from warehouse.settings import Settings
from warehouse.sources import load_source

DAY = date(2026, 6, 30)
RUN = Run(
    "20260630-1", 1, "score", "sample_shop", DAY, "running", "benchmark", datetime(2026, 7, 1, tzinfo=UTC)
)
USERS = 1_000_000
# The promise: a million users decided, and what is done written down, in a minute; in 4 GiB. What the
# ledger takes for its part is measured with the relay.
MOST_SECONDS = 60.0
MOST_MEGABYTES = 4 * 1024
UNTESTED = ("--resource-type", "model", "--resource-type", "seed")
TESTED = ("--exclude-resource-type", "unit_test")

# what campaigns decide by; made up, but of the usual sizes: 5 consents, 6 orders and 2 touches a user
ROWS = """
create schema if not exists features; create schema if not exists risk; create schema if not exists control;
create table numbers as
select i, 'u' || lpad(i::varchar, 8, '0') as user_id, hash(i, 1) / 18446744073709551616.0 as chance
from range($users) t (i);
create table features.user_features as
select
    date '$day' as as_of_date, user_id, ['CN', 'SG', 'MY', null][1 + i % 4] as country,
    'r' || (i % 30) as region, 'c' || (i % 300) as city, ['zh', 'en'][1 + i % 2] as language,
    ['search', 'social'][1 + i % 2] as acquisition_channel, ['female', 'male', null][1 + i % 3] as gender,
    (18 + i % 60)::integer as age_years
from numbers;
create table ml.churn_scores as
select
    date '$day' as as_of_date, user_id, chance as churn_probability,
    ['days_since_last_paid_order', 'sessions_90d', 'discount_share_365d', 'days_since_last_complaint',
     'purchase_gap_mean_days', 'net_amount_90d'][(1 + hash(i, 2) % 6)::bigint] as reason_1_code,
    10.0::double as reason_1_value, chance - 0.3 as reason_1_contribution,
    ['product_views_90d', 'items_90d', 'active_days_90d', 'country', 'cart_adds_90d'][
        (1 + hash(i, 3) % 5)::bigint] as reason_2_code,
    3.0::double as reason_2_value, 0.4 - chance as reason_2_contribution,
    null::varchar as reason_3_code, null::double as reason_3_value, null::double as reason_3_contribution
from numbers;
create table risk.user_risk_tiers_history as
select
    scores.*,
    case when chance >= 0.75 then 'high' when chance >= 0.5 then 'medium' else 'low' end as risk_tier,
    case when i % 10 < 2 then 'high' when i % 10 < 5 then 'medium' else 'low' end as value_tier,
    ['new', 'active', 'at_risk', 'lapsing'][1 + i % 4] as lifecycle_status,
    case i % 9 when 0 then 'complaint_unanswered' when 1 then 'overdue,no_visit' when 2 then 'no_visit' end
        as warning_codes,
    (20 + i % 400)::double as value_if_staying, '$run' as run_id
from ml.churn_scores as scores join numbers using (user_id);
create table control.run as select '$run' as run_id, date '$day' as as_of_date;
create table orders_made as
select
    'o' || i || '-' || n as order_id, user_id,
    timestamp '$day 03:00:00' - to_hours(((hash(i, n) % 8000) // 24 * 24 + i % 12)::bigint) as ordered_at,
    case when n = 0 and i % 5 = 0 then 'cp' || (i % 7 + i // 8 * 8) end as coupon_code
from numbers, range(6) t (n);
"""
STAGED = """
create schema if not exists staging; create schema if not exists intermediate;
create or replace table intermediate.int_orders_valued as
select
    *, ordered_at::date as order_date, true as is_paid, 5.0::decimal(18, 4) as discount_amount,
    ordered_at::date as known_on, null::date as superseded_on
from orders_made;
insert into staging.stg_sample_shop__consents by name
select
    user_id, purpose, timestamp '2026-01-01 00:00:00' as changed_at, hash(i, purpose) % 10 < 6 as granted,
    timestamp '2026-01-01 08:00:00' as local_at, date '2026-01-01' as known_on
from numbers, (values ('email'), ('sms'), ('push'), ('call'), ('profiling')) as purposes (purpose);
insert into staging.stg_sample_shop__campaign_touches by name
select
    't' || i || '-' || n as touch_id, user_id,
    ['email', 'sms', 'push'][(1 + hash(i, n) % 3)::bigint] as channel,
    timestamp '$day 02:00:00' - to_days((hash(i, n) % 170)::integer) as sent_at,
    case when hash(i, n, 1) % 3 = 0 then sent_at + interval 1 hour end as opened_at,
    sent_at + interval 8 hour as local_at, sent_at::date as known_on
from numbers, range(2) t (n);
insert into staging.stg_sample_shop__coupons by name
select
    'cp' || i as coupon_code, user_id, timestamp '2026-01-01 00:00:00' as issued_at,
    date '2026-12-31' as expires_on, 20 as face_value, timestamp '2026-01-01 08:00:00' as local_at,
    date '2026-01-01' as known_on
from numbers where i % 5 = 0;
insert into control.campaign_contacts by name
select
    'm' || i as message_id, user_id, 'recommendation' as campaign_id, 'recommendation_1' as experiment_id,
    date '$day' - (1 + hash(i, 5) % 60)::integer as as_of_date, 'recommendation' as action,
    'picks_for_you' as offer_id, 'email' as channel, 'sent' as state, 0.02 as cost,
    as_of_date + interval 30 hour as handed_over_at
from numbers where i % 3 = 0;
insert into control.campaign_assignments by name
select
    'recommendation_1' as experiment_id, 'recommendation' as campaign_id, user_id,
    case when i % 30 = 0 then 'holdout' else 'treatment' end as arm, 'high/low' as stratum,
    0.1 as holdout_share, 'picks-1' as salt, date '$day' - (1 + hash(i, 5) % 60)::integer as assigned_on,
    'earlier' as run_id
from numbers where i % 3 = 0;
drop table numbers; drop table orders_made;
"""


@dataclass(frozen=True)
class Cost:
    """What a step took: seconds, and the largest resident memory of its process in MiB; rows it made."""

    seconds: float
    megabytes: float
    rows: int


def measure_decisions(folder: Path, *, users: int = USERS) -> Section:
    """Fill a home with made-up users, and time the decisions step by step."""
    settings = settings_of(folder / "decisions")
    in_own_process(fill_home, settings, users)
    built = in_own_process(decide, settings, UNTESTED)
    chosen = in_own_process(choose, settings)
    written = in_own_process(write_actions, settings)
    tested = in_own_process(decide, settings, TESTED)
    seconds = built.seconds + chosen.seconds + written.seconds
    largest = max(one.megabytes for one in (built, chosen, written))
    text = (
        f"{users:,} users × 5 campaigns, made up, with 5 consents, 6 orders, 2 messages and 1 reason theme "
        f"or more each: {built.rows:,} rows of eligibility, {chosen.rows:,} users chosen, {written.rows:,} "
        "actions. Every step in a process of its own, dbt's start included; the ledger's part is measured "
        "with the relay."
    )
    return Section(
        "Decisions",
        text,
        figures=(
            Figure("eligibility, choice and actions", seconds, MOST_SECONDS, "s", 1.0, "allowed"),
            Figure("eligibility (dbt)", built.seconds, seconds, "s", None, "all of it"),
            Figure("choice", chosen.seconds, seconds, "s", None, "all of it"),
            Figure("actions written", written.seconds, seconds, "s", None, "all of it"),
            Figure(
                "eligibility with the tests of the data", tested.seconds, built.seconds, "s", None, "without"
            ),
            Figure("peak memory", largest, MOST_MEGABYTES, "MiB", 1.0, "allowed"),
        ),
    )


def fill_home(settings: Settings, users: int) -> None:
    """Make what decisions read: features, scores, tiers, consents, orders, messages, coupons, arms."""
    settings.build_file.parent.mkdir(parents=True, exist_ok=True)
    _execute(settings, ROWS, users)
    staged = ["stg_sample_shop__consents", "stg_sample_shop__campaign_touches", "stg_sample_shop__coupons"]
    staged += ["stg_sample_shop__coupon_redemptions", "user_risk_tiers", "int_reasons_listed"]
    _dbt(settings, UNTESTED, *staged, "int_reasons_worded", "path:seeds")
    _execute(settings, STAGED, users)


def _execute(settings: Settings, statements: str, users: int) -> None:
    with _connect(settings) as connection:
        prepare_raw_tables(connection, load_source("sample_shop"))
        connection.execute("create schema if not exists ml")
        prepare_tables(connection)
        prepare_control_tables(connection)
        filled = statements.replace("$users", str(users)).replace("$day", DAY.isoformat())
        connection.execute(filled.replace("$run", RUN.run_id))


def decide(settings: Settings, kinds: tuple[str, ...]) -> Cost:
    """Let dbt build the folder of campaigns, as the selector `risk` does."""
    return _cost(
        lambda: _dbt(settings, kinds, "path:models/marts/campaigns"),
        settings,
        "select count(*) from campaigns.campaign_eligibility",
    )


def choose(settings: Settings) -> Cost:
    """Choose at most one campaign per user."""
    return _cost(
        lambda: choose_actions(settings, RUN, DAY),
        settings,
        "select count(*) from ml.action_choices",
    )


def write_actions(settings: Settings) -> Cost:
    """Write what is done as a table, as publishing does."""

    def write() -> None:
        with _connect(settings) as connection:
            connection.execute(
                "create or replace table actions_written as from campaigns.campaign_actions order by user_id"
            )

    return _cost(write, settings, "select count(*) from actions_written")


def _dbt(settings: Settings, kinds: tuple[str, ...], *selected: str) -> None:
    run_dbt(
        settings,
        ["build", "--quiet", *kinds, "--select", *selected],
        dbt_vars(settings, [DAY], run_id=RUN.run_id),
    )


def _cost(work: Callable[[], object], settings: Settings, count: str) -> Cost:
    began = time.perf_counter()
    work()
    seconds = time.perf_counter() - began
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    with _connect(settings) as connection:
        (rows,) = connection.execute(count).fetchone() or (0,)
    return Cost(seconds, megabytes, rows)


def _connect(settings: Settings) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(
        settings.build_file, config={"threads": settings.threads, "memory_limit": settings.memory_limit}
    )
    connection.execute("set enable_progress_bar = false")
    return connection

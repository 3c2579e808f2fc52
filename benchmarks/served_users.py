"""A million made-up users, published in SQL as publish lays them out: for loading a server."""

from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from warehouse.connections import PUBLISHED_GROUP_ROWS
from warehouse.publish import PUBLISHED_TABLES
from warehouse.publish.durable import make_private_folder
from warehouse.publish.manifest import DATABASE_NAME, Column, Manifest, TableFacts, facts_of_files
from warehouse.publish.pointer import snapshots_folder, swap_pointer
from warehouse.settings import Settings

DAY = date(2026, 6, 29)
SOURCE = "sample_shop"
# One user in ten is on the list, three in ten are chosen for something, one in ten has changed tier.
LISTED_SHARE, CHOSEN_SHARE, CHANGED_SHARE = 0.1, 0.3, 0.1
DAYS_OF_HISTORY = 3

TIERS = """
create table user_risk_tiers_history as
select
    days.as_of_date, 'u' || lpad(users.place::varchar, 8, '0') as user_id,
    (hash(users.place) % 10000) / 10000.0::double as churn_probability,
    (hash(users.place) % 10000) / 100.0::double as churn_percentile,
    1 + (hash(users.place) % 10)::integer as churn_decile,
    case when users.place % 10 = 0 then 'high' else 'low' end as risk_tier, 'cutoff' as tier_mode,
    'model' as tier_reason, days.as_of_date as tier_since, 'low' as previous_risk_tier,
    ['high', 'medium', 'low'][1 + users.place % 3] as value_tier, 'active' as lifecycle_status,
    (users.place % 900)::double as predicted_value, (users.place % 70)::double as expected_gain,
    (users.place % 5000)::double as net_amount_365d, users.place % 300 as days_since_last_paid_order,
    ['CN', 'DE', 'FR'][1 + users.place % 3] as country,
    {reasons}, 90 as horizon_days, 'churn-benchmark' as model_version, '{run}' as run_id
from range({users}) users (place)
cross join (select date '{day}' - i::integer as as_of_date from range({days}) spans (i)) as days
order by as_of_date, user_id
"""
REASON = (
    "'days_since_last_visit' as reason_{n}_code, (users.place % 90)::double as reason_{n}_value, "
    "0.5::double as reason_{n}_contribution"
)
LISTED = """
create table at_risk_users as
select
    tiers.* exclude (tier_mode),
    row_number() over (order by churn_probability desc, user_id)::integer as risk_rank,
    'No order in the next 90 days: 98 %' as tier_sentence_en,
    '未来 90 天不再下单的概率：98 %' as tier_sentence_zh,
    {sentences}, true as may_be_contacted
from user_risk_tiers_history as tiers
where as_of_date = date '{day}' and risk_tier = 'high'
order by risk_rank
"""
SENTENCE = (
    "'No visit in the last ' || (days_since_last_paid_order % 90) || ' days (raises the risk)' "
    "as reason_{n}_sentence_en, '近 ' || (days_since_last_paid_order % 90) || ' 天没有访问（提高流失风险）' "
    "as reason_{n}_sentence_zh"
)
OTHERS = (
    "create table user_risk_tiers as from user_risk_tiers_history where as_of_date = date '{day}'",
    """
    create table campaign_actions as
    select date '{day}' as as_of_date, 'u' || lpad((i * 3)::varchar, 8, '0') as user_id,
        'recommendation' as campaign_id, 'recommendation_1' as experiment_id, 'treatment' as arm,
        'recommendation' as action, 'picks_for_you' as offer_id, 'email' as channel, 'en' as language,
        null::varchar as trigger_code, hash(i) % {chosen} as choice_rank, '{run}' as run_id
    from range({chosen}) chosen (i) order by choice_rank
    """,
    """
    create table user_tier_changes as
    select date '{day}' - (i % 90)::integer as as_of_date, 'u' || lpad((i * 10)::varchar, 8, '0') as user_id,
        'high' as risk_tier, 'low' as previous_risk_tier, 'model' as tier_reason,
        0.5::double as churn_probability,
        '{run}' as run_id
    from range({changed}) changed (i) order by user_id, as_of_date
    """,
    """
    create table campaign_trail as
    select date '{day}' as as_of_date, 'u' || lpad((i * 5)::varchar, 8, '0') as user_id, 'e' as experiment_id,
        'recommendation' as campaign_id, 'recommendation' as action, 'email' as channel,
        timestamp '2026-06-01 09:00:00' as handed_over_at, null::timestamp as opened_at,
        null::timestamp as clicked_at, null::date as coupon_redeemed_on, 0::bigint as attributed_orders,
        '{run}' as run_id
    from range({changed}) contacts (i) order by user_id
    """,
)


def publish_users(settings: Settings, users: int) -> Path:
    """Publish a snapshot of made-up users; returns its file."""
    run_id = f"{DAY:%Y%m%d}-000001"
    folder = snapshots_folder(settings) / run_id
    make_private_folder(folder)
    path = folder / DATABASE_NAME
    filled = {
        "users": users,
        "day": DAY,
        "days": DAYS_OF_HISTORY,
        "run": run_id,
        "chosen": int(users * CHOSEN_SHARE),
        "changed": int(users * CHANGED_SHARE),
        "reasons": ", ".join(REASON.format(n=n) for n in (1, 2, 3)),
        "sentences": ", ".join(SENTENCE.format(n=n) for n in (1, 2, 3)),
    }
    with duckdb.connect(
        ":memory:", config={"threads": settings.threads, "memory_limit": "4GB"}
    ) as connection:
        connection.execute(f"attach '{path}' as holdfast (row_group_size {PUBLISHED_GROUP_ROWS})")
        connection.execute("use holdfast")
        for statement in (TIERS, LISTED, *OTHERS):
            connection.execute(statement.format(**filled))
        for table in PUBLISHED_TABLES:
            if table.looked_up_by is not None:
                connection.execute(
                    f"create index {table.name}_by_user on {table.name} ({table.looked_up_by})"
                )
        connection.execute("checkpoint holdfast")
        tables = _facts(connection)
        connection.execute("use memory")
        connection.execute("detach holdfast")
    Manifest(
        run_id=run_id,
        epoch=1,
        source=SOURCE,
        as_of_date=DAY,
        model_version="churn-benchmark",
        created_at=datetime.now(UTC),
        holdfast_version="benchmark",
        tables=tables,
        files=facts_of_files(folder),
    ).write(folder)
    swap_pointer(settings, run_id)
    return path


def _facts(connection: duckdb.DuckDBPyConnection) -> dict[str, TableFacts]:
    columns: dict[str, list[Column]] = {}
    for table, column, kind in connection.execute(
        "select table_name, column_name, data_type from duckdb_columns() where database_name = 'holdfast' "
        "order by table_name, column_index"
    ).fetchall():
        columns.setdefault(table, []).append(Column(column, kind, None))
    return {table: TableFacts("table", 0, tuple(of_table)) for table, of_table in columns.items()}

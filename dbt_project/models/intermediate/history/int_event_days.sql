{{ config(
    materialized='incremental', incremental_strategy='delete+insert', unique_key='activity_date'
) }}

with

changed_days as (
    select distinct cast(local_at as date) as activity_date
    from {{ staged('events') }}
    {{ where_changed() }}
),

{# Read thrice for keys and once for the rest: of all days, cheaper than kept aside. #}
day_events as {{ '' if is_incremental() else 'not ' }}materialized (
    select
        user_id,
        cast(local_at as date) as activity_date,
        hour(local_at) as local_hour,
        session_id,
        event_type,
        product_id,
        duration_seconds,
        device,
        known_on,
        superseded_on,
        changed_by_delivery
    from {{ staged('events') }}
    {{ where_among('cast(local_at as date)', 'changed_days') }}
),

{{ spans_of('day_events', key='user_id, activity_date') }},

sessions as (
    select
        user_id,
        activity_date,
        session_id,
        known_on,
        superseded_on,
        count(*) as events,
        count(*) filter (event_type = 'page_view') as page_views,
        count(*) filter (event_type = 'product_view') as product_views,
        count(*) filter (event_type = 'search') as searches,
        count(*) filter (event_type = 'add_to_cart') as cart_adds,
        count(*) filter (event_type = 'remove_from_cart') as cart_removes,
        count(*) filter (event_type in ('favorite', 'follow_shop')) as favorites,
        count(*) filter (event_type = 'share') as shares,
        count(*) filter (event_type = 'login') as logins,
        count(*) filter (event_type = 'checkout') as checkouts,
        count(*) filter (local_hour < 6 or local_hour >= 22) as night_events,
        count(*) filter (device not in ('desktop', 'desktop_web')) as mobile_events,
        list_unique(
            list(product_id) filter (event_type = 'product_view')
        ) as products_viewed,
        coalesce(sum(duration_seconds), 0) as browsing_seconds,
        max(changed_by_delivery) as changed_by_delivery
    from rows_by_span
    where user_id is not null
    group by user_id, activity_date, session_id, known_on, superseded_on
),

final as (
    select
        user_id,
        activity_date,
        known_on,
        superseded_on,
        count(*) as sessions,
        {% for measure in event_measures() -%}
        cast(sum({{ measure }}) as bigint) as {{ measure }},
        {% endfor -%}
        count(*) filter (cart_adds > 0) as cart_sessions,
        count(*) filter (cart_adds > 0 and checkouts = 0) as abandoned_sessions,
        max(changed_by_delivery) as changed_by_delivery
    from sessions
    group by user_id, activity_date, known_on, superseded_on
)

select * from final

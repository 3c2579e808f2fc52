{{ config(materialized='view') }}

with

cart_acts as (
    {%- call(as_of_date) for_each_as_of_date() %}
    select
        {{ as_of_date }} as as_of_date,
        events.user_id,
        events.session_id,
        events.event_type,
        events.occurred_at,
        cast(events.local_at as date) as activity_date,
        products.list_price
    from {{ staged('events') }} as events
    left join {{ staged('products') }} as products
        on
            events.product_id = products.product_id
            and {{ seen_by(as_of_date, alias='products') }}
    where
        {{ seen_by(
            as_of_date, 'cast(events.local_at as date)', days=alert_reach(), alias='events'
        ) }}
        and events.event_type in ('add_to_cart', 'remove_from_cart', 'checkout')
        and events.user_id is not null
    {% endcall -%}
),

orders_made as (
    {%- call(as_of_date) for_each_as_of_date() %}
    select
        {{ as_of_date }} as as_of_date,
        user_id,
        max(ordered_at) as last_ordered_at
    from {{ ref('int_orders_valued') }}
    where
        {{ seen_by(as_of_date, 'order_date', days=alert_reach()) }}
    group by user_id
    {% endcall -%}
),

baskets as (
    select
        as_of_date,
        user_id,
        session_id,
        max(case when event_type = 'add_to_cart' then activity_date end) as since_date,
        max(case when event_type = 'add_to_cart' then occurred_at end) as last_added_at,
        max(case when event_type = 'checkout' then occurred_at end) as checked_out_at,
        sum(
            case event_type
                when 'add_to_cart' then list_price
                when 'remove_from_cart' then -list_price
                else 0
            end
        ) as basket_value
    from cart_acts
    group by as_of_date, user_id, session_id
),

{# Of anybody, with a basket or without: how far the day has come. #}
newest_acts as (
    {%- call(as_of_date) for_each_as_of_date() %}
    select
        {{ as_of_date }} as as_of_date,
        max(occurred_at) as newest_act_at
    from {{ staged('events') }}
    where
        {{ seen_by(as_of_date, 'cast(local_at as date)', days=alert_reach()) }}
    {% endcall -%}
),

{# Left is what was neither taken to the till nor followed by an order. #}
abandoned as (
    select
        baskets.as_of_date,
        baskets.user_id,
        baskets.since_date,
        baskets.last_added_at,
        cast(baskets.basket_value as double) as basket_value,
        cast(
            date_diff('minute', baskets.last_added_at, newest_acts.newest_act_at)
            as integer
        ) as quiet_minutes
    from baskets
    inner join newest_acts using (as_of_date)
    left join orders_made using (as_of_date, user_id)
    where
        baskets.last_added_at is not null
        and baskets.checked_out_at is null
        and coalesce(orders_made.last_ordered_at < baskets.last_added_at, true)
),

final as (
    select *
    from abandoned
    qualify row_number() over (
        partition by as_of_date, user_id, since_date
        order by basket_value desc nulls last, last_added_at desc
    ) = 1
)

select * from final

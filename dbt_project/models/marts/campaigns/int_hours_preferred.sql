{{ config(materialized='view') }}

{#
    The hour at which a user is usually there, by the shop's clock: of paid orders and of opened
    messages in 180 days. Fewer than two acts in the same hour say nothing.
#}
with

acts as (
    {%- call(as_of_date) for_each_as_of_date() %}
    select
        {{ as_of_date }} as as_of_date,
        user_id,
        hour({{ shop_time('ordered_at') }}) as act_hour
    from {{ ref('int_orders_valued') }}
    where
        is_paid
        and {{ seen_by(as_of_date, 'order_date', days=180) }}
    union all
    select
        {{ as_of_date }} as as_of_date,
        user_id,
        hour({{ shop_time('opened_at') }}) as act_hour
    from {{ staged('campaign_touches') }}
    where
        {{ seen_by(as_of_date, 'cast(local_at as date)', days=180) }}
        and cast({{ shop_time('opened_at') }} as date) <= {{ as_of_date }}
    {% endcall -%}
),

hours as (
    select
        as_of_date,
        user_id,
        act_hour,
        count(*) as acts
    from acts
    group by as_of_date, user_id, act_hour
    having count(*) >= 2
),

final as (
    select
        as_of_date,
        user_id,
        cast(arg_min(act_hour, (-acts, act_hour)) as integer) as shop_hour
    from hours
    group by as_of_date, user_id
)

select * from final

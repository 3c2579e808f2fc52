{{ config(
    materialized='incremental', incremental_strategy='delete+insert', unique_key='activity_date'
) }}

with

changed_days as (
    select activity_date from {{ ref('int_event_days') }}
    {{ where_changed() }}
    union
    select order_date from {{ ref('int_orders_valued') }}
    {{ where_changed() }}
    union
    select activity_date from {{ ref('int_contact_rows') }}
    {{ where_changed() }}
),

event_days as (
    select * from {{ ref('int_event_days') }}
    {{ where_among('activity_date', 'changed_days') }}
),

order_rows as (
    select
        user_id,
        order_date as activity_date,
        1 as orders,
        case when status = 'cancelled' then 1 else 0 end as cancelled_orders,
        case when is_paid then 1 else 0 end as paid_orders,
        case when is_paid then gross_amount else 0 end as gross_amount,
        case when is_paid then discount_amount else 0 end as discount_amount,
        case when is_paid then net_amount else 0 end as net_amount,
        case when is_paid then items else 0 end as items,
        case when is_paid then order_lines else 0 end as order_lines,
        case when is_paid and discount_amount > 0 then 1 else 0 end
            as discounted_orders,
        case when is_paid and coupon_code is not null then 1 else 0 end
            as coupon_orders,
        known_on,
        superseded_on,
        changed_by_delivery
    from {{ ref('int_orders_valued') }}
    {{ where_among('order_date', 'changed_days') }}
),

contact_rows as (
    select * from {{ ref('int_contact_rows') }}
    {{ where_among('activity_date', 'changed_days') }}
),

{# Read thrice for the keys and once for the rest: cheaper than kept aside in full. #}
day_rows as not materialized (
    select * from event_days
    union all by name
    select * from order_rows
    union all by name
    select * from contact_rows
),

{{ spans_of('day_rows', key='user_id, activity_date') }},

summed as (
    select
        user_id,
        activity_date,
        known_on,
        superseded_on,
        {% for measure, type in user_day_measures().items() -%}
        cast(coalesce(sum({{ measure }}), 0) as {{ type }}) as {{ measure }},
        {% endfor -%}
        max(changed_by_delivery) as changed_by_delivery
    from rows_by_span
    group by user_id, activity_date, known_on, superseded_on
),

flagged as (
    select
        *,
        case when paid_orders > 0 then 1 else 0 end as paid_days,
        case when events > 0 then 1 else 0 end as visit_days,
        {# being written to is no act #}
        case
            when events + orders + returns + reviews + user_messages > 0 then 1
            else 0
        end as active_days,
        isodow(activity_date) >= 6 as is_weekend
    from summed
),

final as (
    select
        * exclude (is_weekend),
        case when is_weekend then paid_days else 0 end as weekend_paid_days,
        case when is_weekend then active_days else 0 end as weekend_active_days
    from flagged
)

select * from final

{{ config(
    materialized='incremental', incremental_strategy='delete+insert', unique_key='order_id'
) }}

{# An order's row and its lines may become known on different days. #}
with

changed_orders as (
    select distinct order_id
    from {{ staged('orders') }}
    {{ where_changed() }}
    union
    select distinct order_id
    from {{ staged('order_items') }}
    {{ where_changed() }}
),

order_rows as (
    select * from {{ staged('orders') }} as orders
    semi join changed_orders using (order_id)
),

item_rows as (
    select * from {{ staged('order_items') }} as order_items
    semi join changed_orders using (order_id)
),

order_parts as (
    select
        order_id,
        user_id,
        ordered_at,
        local_at,
        status,
        gross_amount,
        discount_amount,
        coupon_code,
        0 as order_lines,
        0 as items,
        known_on,
        superseded_on,
        changed_by_delivery
    from order_rows
    union all by name
    select
        order_id,
        1 as order_lines,
        quantity as items,
        known_on,
        superseded_on,
        changed_by_delivery
    from item_rows
),

{{ spans_of('order_parts', key='order_id') }},

order_spans as (
    select
        order_id,
        max(user_id) as user_id,
        max(ordered_at) as ordered_at,
        cast(max(local_at) as date) as order_date,
        max(status) as status,
        max(gross_amount) as gross_amount,
        coalesce(max(discount_amount), 0) as discount_amount,
        max(coupon_code) as coupon_code,
        cast(sum(order_lines) as bigint) as order_lines,
        cast(sum(items) as bigint) as items,
        known_on,
        superseded_on,
        max(changed_by_delivery) as changed_by_delivery
    from rows_by_span
    group by order_id, known_on, superseded_on
),

final as (
    select
        *,
        gross_amount - discount_amount as net_amount,
        status = 'paid' and gross_amount > discount_amount as is_paid
    from order_spans
    {# lines whose order is not known yet are no order #}
    where user_id is not null
)

select * from final

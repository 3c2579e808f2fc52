with

orders as (
    select * from {{ ref('int_orders_valued') }}
    where superseded_on is null
),

final as (
    select
        -- ids
        order_id,
        user_id,

        -- dates
        ordered_at,
        order_date,
        known_on,

        -- order
        status,
        is_paid,
        coupon_code,
        order_lines,
        items,

        -- money
        gross_amount,
        discount_amount,
        cast(net_amount as decimal(18, 4)) as net_amount
    from orders
)

select * from final

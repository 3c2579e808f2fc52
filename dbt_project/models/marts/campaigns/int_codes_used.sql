{{ config(materialized='view') }}

{#
    Coupon codes on paid orders, ours and the shop's. The order names the code, or the shop
    delivers a redemption that names the order; what both tell of is one use.
#}
with

orders_known as (
    {%- call(as_of_date) for_each_as_of_date() %}
    select
        {{ as_of_date }} as as_of_date,
        order_id,
        user_id,
        order_date,
        coupon_code,
        discount_amount
    from {{ ref('int_orders_valued') }}
    where
        is_paid
        and {{ seen_by(as_of_date, 'order_date') }}
    {% endcall -%}
),

redemptions_known as (
    {%- call(as_of_date) for_each_as_of_date() %}
    select
        {{ as_of_date }} as as_of_date,
        coupon_code,
        order_id
    from {{ staged('coupon_redemptions') }}
    where {{ seen_by(as_of_date, 'cast(local_at as date)') }}
    {% endcall -%}
),

uses as (
    select
        as_of_date,
        coupon_code,
        order_id
    from orders_known
    where coupon_code is not null
    union
    select
        as_of_date,
        coupon_code,
        order_id
    from redemptions_known
),

final as (
    select
        uses.as_of_date,
        uses.coupon_code,
        uses.order_id,
        orders_known.user_id as used_by,
        orders_known.order_date as used_on,
        orders_known.discount_amount
    from uses
    inner join orders_known using (as_of_date, order_id)
)

select * from final

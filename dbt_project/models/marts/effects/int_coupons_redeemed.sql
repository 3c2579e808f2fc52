{{ config(materialized='view') }}

{#
    Coupons of ours that were used. The order names the code, or the shop delivers a redemption
    that names the order; a code that both tell of is one redemption, and a replayed code counts
    once, for its first order.
#}
with

coupons_issued as (
    select * from {{ source('control', 'coupons_issued') }}
),

orders_known as (
    {%- call(as_of_date) for_each_as_of_date() %}
    select
        {{ as_of_date }} as as_of_date,
        order_id,
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

codes_used as (
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

first_uses as (
    select
        codes_used.as_of_date,
        codes_used.coupon_code,
        orders_known.order_id,
        orders_known.order_date as redeemed_on,
        orders_known.discount_amount,
        row_number() over (
            partition by codes_used.as_of_date, codes_used.coupon_code
            order by orders_known.order_date, orders_known.order_id
        ) as use_number
    from codes_used
    inner join orders_known
        on
            codes_used.as_of_date = orders_known.as_of_date
            and codes_used.order_id = orders_known.order_id
    where codes_used.coupon_code in (select coupon_code from coupons_issued)
),

final as (
    select
        first_uses.as_of_date,
        coupons_issued.coupon_code,
        coupons_issued.user_id,
        coupons_issued.campaign_id,
        coupons_issued.issued_on,
        first_uses.order_id,
        first_uses.redeemed_on,
        {# a coupon takes off no more than the order's discount says #}
        least(
            coupons_issued.face_value, cast(first_uses.discount_amount as double)
        ) as redeemed_value
    from first_uses
    inner join coupons_issued using (coupon_code)
    where first_uses.use_number = 1
)

select * from final

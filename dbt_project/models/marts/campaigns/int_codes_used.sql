{{ config(materialized='view') }}

{#
    Coupon codes used on paid orders of 365 days, beside whom they were issued to: by campaigns
    of ours, or by the shop. The order names the code, or a redemption names the order. A code
    that was issued to nobody is everybody's, and may be used by anybody.
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
        and {{ seen_by(as_of_date, 'order_date', days=365) }}
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

codes_known as (
    {%- call(as_of_date) for_each_as_of_date() %}
    select
        {{ as_of_date }} as as_of_date,
        coupon_code,
        user_id as issued_to,
        expires_on
    from {{ staged('coupons') }}
    where {{ seen_by(as_of_date, 'cast(local_at as date)') }}
    union
    select
        {{ as_of_date }} as as_of_date,
        coupon_code,
        user_id as issued_to,
        expires_on
    from {{ source('control', 'coupons_issued') }}
    where issued_on <= {{ as_of_date }}
    {% endcall -%}
),

{# A shop may deliver our own coupons back: one code is one code. #}
codes as (
    select
        as_of_date,
        coupon_code,
        min(issued_to) as issued_to,
        max(expires_on) as expires_on
    from codes_known
    group by as_of_date, coupon_code
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
        orders_known.discount_amount,
        codes.issued_to,
        codes.expires_on
    from uses
    inner join orders_known using (as_of_date, order_id)
    inner join codes
        on
            uses.as_of_date = codes.as_of_date
            and uses.coupon_code = codes.coupon_code
)

select * from final

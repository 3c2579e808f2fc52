{{ config(materialized='view') }}

{# Coupons of ours that were used; a replayed code counts once, for its first order. #}
with

coupons_issued as (
    select * from {{ source('control', 'coupons_issued') }}
),

first_uses as (
    select *
    from {{ ref('int_codes_used') }}
    where coupon_code in (select coupon_code from coupons_issued)
    qualify row_number() over (
        partition by as_of_date, coupon_code order by used_on, order_id
    ) = 1
),

final as (
    select
        first_uses.as_of_date,
        coupons_issued.coupon_code,
        coupons_issued.user_id,
        coupons_issued.campaign_id,
        coupons_issued.issued_on,
        first_uses.order_id,
        first_uses.used_on as redeemed_on,
        {# a coupon takes off no more than the order's discount says #}
        least(
            coupons_issued.face_value, cast(first_uses.discount_amount as double)
        ) as redeemed_value
    from first_uses
    inner join coupons_issued using (coupon_code)
)

select * from final

{{ config(materialized='view') }}

{#
    Codes that were used in 365 days, beside whom they were issued to: by campaigns of ours, or
    by the shop. A code that was issued to nobody is everybody's, and may be used by anybody.
#}
with

uses as (
    select * from {{ ref('int_codes_used') }}
    where used_on > as_of_date - 365
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

final as (
    select
        uses.*,
        codes.issued_to,
        codes.expires_on
    from uses
    inner join codes using (as_of_date, coupon_code)
)

select * from final

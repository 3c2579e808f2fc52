{{ config(
    materialized='incremental', incremental_strategy='delete+insert',
    unique_key='coupon_code'
) }}

with

delivered_rows as (
    {{- delivered('sample_shop', 'coupons', key='coupon_code') }}
),

{{ versions_of('delivered_rows', key='coupon_code', table='coupons') }},

final as (
    select * from row_versions
)

select * from final

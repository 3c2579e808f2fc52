{{ config(
    materialized='incremental', incremental_strategy='delete+insert',
    unique_key='redemption_id'
) }}

with

delivered_rows as (
    {{- delivered('sample_shop', 'coupon_redemptions', key='redemption_id') }}
),

{{ versions_of('delivered_rows', key='redemption_id', table='coupon_redemptions') }},

final as (
    select * from row_versions
)

select * from final

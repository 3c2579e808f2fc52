{{ config(
    materialized='incremental', incremental_strategy='delete+insert',
    unique_key='promotion_id'
) }}

with

delivered_rows as (
    {{- delivered('sample_shop', 'promotions', key='promotion_id') }}
),

{{ versions_of('delivered_rows', key='promotion_id', table='promotions') }},

final as (
    select * from row_versions
)

select * from final

{{ config(
    materialized='incremental', incremental_strategy='delete+insert',
    unique_key='product_id'
) }}

with

delivered_rows as (
    {{- delivered('sample_shop', 'products', key='product_id') }}
),

{{ versions_of('delivered_rows', key='product_id', table='products') }},

final as (
    select * from row_versions
)

select * from final

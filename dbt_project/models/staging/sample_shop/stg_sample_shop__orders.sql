{{ config(
    materialized='incremental', incremental_strategy='delete+insert',
    unique_key='order_id'
) }}

with

delivered_rows as (
    {{- delivered('sample_shop', 'orders', key='order_id') }}
),

{{ versions_of('delivered_rows', key='order_id', table='orders') }},

final as (
    select * from row_versions
)

select * from final

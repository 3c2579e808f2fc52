{{ config(
    materialized='incremental', incremental_strategy='delete+insert',
    unique_key=['order_id', 'line_number']
) }}

with

delivered_rows as (
    {{- delivered('sample_shop', 'order_items', key='order_id, line_number') }}
),

{{ versions_of('delivered_rows', key='order_id, line_number', table='order_items') }},

final as (
    select * from row_versions
)

select * from final

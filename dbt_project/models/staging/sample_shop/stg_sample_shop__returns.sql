{{ config(
    materialized='incremental', incremental_strategy='delete+insert',
    unique_key='return_id'
) }}

with

delivered_rows as (
    {{- delivered('sample_shop', 'returns', key='return_id') }}
),

{{ versions_of('delivered_rows', key='return_id', table='returns') }},

final as (
    select * from row_versions
)

select * from final

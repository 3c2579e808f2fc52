{{ config(
    materialized='incremental', incremental_strategy='delete+insert',
    unique_key='event_id'
) }}

with

delivered_rows as (
    {{- delivered('sample_shop', 'events', key='event_id') }}
),

{{ versions_of('delivered_rows', key='event_id', table='events') }},

final as (
    select * from row_versions
)

select * from final

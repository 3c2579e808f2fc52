{{ config(
    materialized='incremental', incremental_strategy='delete+insert',
    unique_key='touch_id'
) }}

with

delivered_rows as (
    {{- delivered('sample_shop', 'campaign_touches', key='touch_id') }}
),

{{ versions_of('delivered_rows', key='touch_id', table='campaign_touches') }},

final as (
    select * from row_versions
)

select * from final

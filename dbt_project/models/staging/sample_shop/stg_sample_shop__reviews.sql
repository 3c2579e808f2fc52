{{ config(
    materialized='incremental', incremental_strategy='delete+insert',
    unique_key='review_id'
) }}

with

delivered_rows as (
    {{- delivered('sample_shop', 'reviews', key='review_id') }}
),

{{ versions_of('delivered_rows', key='review_id', table='reviews') }},

final as (
    select * from row_versions
)

select * from final

{{ config(
    materialized='incremental', incremental_strategy='delete+insert',
    unique_key='user_id'
) }}

with

delivered_rows as (
    {{- delivered('sample_shop', 'users', key='user_id') }}
),

{{ versions_of('delivered_rows', key='user_id', table='users') }},

final as (
    select * from row_versions
)

select * from final

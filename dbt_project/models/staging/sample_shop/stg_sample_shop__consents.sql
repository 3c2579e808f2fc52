{{ config(
    materialized='incremental', incremental_strategy='delete+insert',
    unique_key=['user_id', 'purpose', 'changed_at']
) }}

{% set key = 'user_id, purpose, changed_at' %}

with

delivered_rows as (
    {{- delivered('sample_shop', 'consents', key=key) }}
),

{{ versions_of('delivered_rows', key=key, table='consents') }},

final as (
    select * from row_versions
)

select * from final

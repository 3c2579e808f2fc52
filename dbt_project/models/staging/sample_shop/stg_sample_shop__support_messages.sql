{{ config(
    materialized='incremental', incremental_strategy='delete+insert',
    unique_key='message_id'
) }}

with

delivered_rows as (
    {{- delivered('sample_shop', 'support_messages', key='message_id') }}
),

{{ versions_of('delivered_rows', key='message_id', table='support_messages') }},

final as (
    select * from row_versions
)

select * from final

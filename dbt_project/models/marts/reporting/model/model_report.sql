{{ config(materialized='view') }}

with

final as (
    select
        -- ids and dates
        model_version,
        trained_as_of,
        test_as_of_date,
        definition_id,
        horizon_days,

        -- measure
        candidate,
        metric,
        value,
        lower,
        upper,
        note
    from {{ source('ml', 'model_report') }}
)

select * from final

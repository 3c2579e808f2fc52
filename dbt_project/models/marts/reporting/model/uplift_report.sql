{{ config(materialized='view') }}

with

final as (
    select
        -- ids and dates
        trained_as_of,
        campaign_id,
        model_version,

        -- measure
        learner,
        outcome,
        metric,
        estimate,
        low,
        high,
        rows,

        -- verdict
        is_in_force,
        note
    from {{ source('ml', 'uplift_report') }}
)

select * from final

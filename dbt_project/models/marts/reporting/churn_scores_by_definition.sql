{{ config(materialized='view') }}

with

final as (
    select
        -- ids and dates
        as_of_date,
        user_id,
        definition_id,

        -- score
        churn_probability,
        churn_percentile,
        churn_decile,

        -- origin
        horizon_days,
        model_version,
        run_id
    from {{ source('ml', 'definition_scores') }}
)

select * from final

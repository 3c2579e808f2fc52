{{ config(materialized='view') }}

with

final as (
    select
        -- ids and dates
        as_of_date,
        user_id,

        -- score
        churn_probability,
        churn_percentile,
        churn_decile,

        -- reasons
        {%- for place in [1, 2, 3] %}
        reason_{{ place }}_code,
        reason_{{ place }}_value,
        reason_{{ place }}_contribution,
        {%- endfor %}

        -- origin
        horizon_days,
        model_version,
        run_id
    from {{ source('ml', 'churn_scores') }}
)

select * from final

{{ config(materialized='view') }}

with

final as (
    select
        -- ids and dates
        model_version,
        trained_as_of,
        definition_id,
        candidate,
        as_of_date,

        -- population
        users,
        churn_rate,
        training_rows,

        -- measure
        metric,
        value,
        lower,
        upper
    from {{ source('ml', 'model_backtest') }}
)

select * from final

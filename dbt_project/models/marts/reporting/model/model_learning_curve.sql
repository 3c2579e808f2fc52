{{ config(materialized='view') }}

with

final as (
    select
        -- ids and dates
        model_version,
        trained_as_of,
        definition_id,
        candidate,

        -- what was learnt from
        snapshots,
        history_days,
        training_rows,

        -- measure
        metric,
        value,
        lower,
        upper
    from {{ source('ml', 'model_learning_curve') }}
)

select * from final

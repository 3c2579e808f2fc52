{{ config(materialized='view') }}

with

final as (
    select
        -- ids and dates
        model_version,
        trained_as_of,
        definition_id,
        candidate,

        -- input
        feature,
        theme,

        -- measure
        importance,
        lower,
        upper,
        importance_rank
    from {{ source('ml', 'model_importance') }}
)

select * from final

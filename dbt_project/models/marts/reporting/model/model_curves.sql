{{ config(materialized='view') }}

with

final as (
    select
        -- ids and dates
        model_version,
        trained_as_of,
        definition_id,
        candidate,

        -- point
        curve,
        point,
        x,
        y,
        users
    from {{ source('ml', 'model_curves') }}
)

select * from final

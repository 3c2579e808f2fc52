{{ config(materialized='view') }}

with

final as (
    select
        -- ids and dates
        model_version,
        trained_as_of,
        definition_id,
        candidate,

        -- slice
        slice_name,
        slice_value,
        users,
        churned,
        is_small,

        -- measure
        metric,
        value,
        lower,
        upper
    from {{ source('ml', 'model_slices') }}
)

select * from final

{{ config(materialized='view') }}

with

final as (
    select * from {{ ref('user_features') }}
    where as_of_date in ({{ days_being_built() }})
)

select * from final

{{ config(materialized='view') }}

with

final as (
    select * from {{ ref('user_risk_tiers_history') }}
    where as_of_date in ({{ days_being_built() }})
)

select * from final

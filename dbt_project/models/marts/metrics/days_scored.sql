{{ config(materialized='view') }}

with

tiers as (
    select * from {{ ref('user_risk_tiers_history') }}
),

final as (
    select as_of_date as scored_day
    from tiers
    group by as_of_date
)

select * from final

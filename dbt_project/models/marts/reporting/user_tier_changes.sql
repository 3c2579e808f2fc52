{{ config(materialized='view') }}

with

tiers as (
    select * from {{ ref('user_risk_tiers_history') }}
),

final as (
    select
        -- ids and dates
        as_of_date,
        user_id,

        -- tier
        risk_tier,
        previous_risk_tier,
        tier_reason,
        churn_probability,

        -- origin
        run_id
    from tiers
    where tier_since = as_of_date
)

select * from final

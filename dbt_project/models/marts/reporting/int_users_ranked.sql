{{ config(materialized='view') }}

with

users_at_risk as (
    select * from {{ ref('user_risk_tiers') }}
    where risk_tier in ('high', 'medium')
),

tier_cutoffs as (
    select
        risk_tier,
        tier_rank
    from {{ ref('risk_tier_cutoffs') }}
),

final as (
    select
        users_at_risk.as_of_date,
        users_at_risk.user_id,
        cast(row_number() over (
            partition by users_at_risk.as_of_date
            order by
                tier_cutoffs.tier_rank desc,
                {{ riskiest_first() }}
        ) as integer) as risk_rank
    from users_at_risk
    left join tier_cutoffs using (risk_tier)
)

select * from final

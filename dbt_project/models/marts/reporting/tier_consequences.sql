{{ config(materialized='view') }}

{# Decimals are summed, so that the order of rows cannot change a digit. #}
with

users as (
    select
        * exclude (expected_gain),
        tier_reason = 'model' as is_by_model,
        {{ tier_score() }} as score,
        cast(churn_probability as decimal(18, 12)) as churners,
        cast(expected_gain as decimal(18, 4)) as expected_gain
    from {{ ref('user_risk_tiers_history') }}
),

days as (
    select
        as_of_date,
        coalesce(max(tier_mode), 'cutoff') as tier_mode,
        cast(sum(churners) as double) as expected_churners,
        max(model_version) as model_version,
        max(horizon_days) as horizon_days,
        max(run_id) as run_id
    from users
    group by as_of_date
),

all_tiers as (
    select
        risk_tier,
        tier_rank
    from {{ ref('risk_tier_cutoffs') }}
),

tiers as (
    select
        as_of_date,
        risk_tier,
        count(*) as users,
        count(case when is_by_model then 1 end) as users_by_model,
        min(case when is_by_model then score end) as lowest_score,
        cast(sum(churners) as double) as expected_churners,
        cast(sum(expected_gain) as double) as expected_gain
    from users
    group by as_of_date, risk_tier
),

final as (
    select
        -- ids and dates
        days.as_of_date,
        days.tier_mode,
        all_tiers.risk_tier,

        -- who is in the tier
        case when all_tiers.tier_rank > 1 then tiers.lowest_score end as cutoff,
        coalesce(tiers.users, 0) as users,
        coalesce(tiers.users_by_model, 0) as users_by_model,
        coalesce(tiers.users - tiers.users_by_model, 0) as users_by_warning,

        -- what becomes of them
        coalesce(tiers.expected_churners, 0) as expected_churners,
        tiers.expected_churners / tiers.users as expected_precision,
        coalesce(tiers.expected_churners, 0)
        / nullif(days.expected_churners, 0) as expected_recall,
        tiers.expected_gain,

        -- origin
        days.model_version,
        days.horizon_days,
        days.run_id
    from days
    cross join all_tiers
    left join tiers using (as_of_date, risk_tier)
)

select * from final

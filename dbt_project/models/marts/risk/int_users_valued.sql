{{ config(materialized='view') }}

with

{# Who stays buys at least once, else at the pace so far; a first day is no pace. #}
users_scored as (
    select
        as_of_date,
        user_id,
        churn_probability,
        100 * percent_rank() over (
            partition by as_of_date order by net_amount_365d
        ) as spend_percentile,
        order_value_mean_365d * greatest(
            1.0,
            paid_orders_365d * horizon_days
            / least(365.0, greatest(horizon_days, days_since_first_paid_order + 1))
        ) as value_if_staying
    from {{ ref('int_users_scored') }}
),

value_cutoffs as (
    select * from {{ ref('value_tier_cutoffs') }}
),

lifecycles as (
    select * from {{ ref('int_lifecycles_found') }}
),

policy as (
    select * from {{ ref('tier_policy') }}
    where is_in_force
),

value_tiers as (
    select
        users_scored.as_of_date,
        users_scored.user_id,
        arg_max(value_cutoffs.value_tier, value_cutoffs.value_rank) as value_tier
    from users_scored
    inner join value_cutoffs
        on users_scored.spend_percentile >= value_cutoffs.from_percentile
    group by users_scored.as_of_date, users_scored.user_id
),

valued as (
    select
        users_scored.as_of_date,
        users_scored.user_id,
        users_scored.churn_probability,
        policy.tier_mode,
        value_tiers.value_tier,
        lifecycles.lifecycle_status,
        users_scored.value_if_staying,
        (1 - churn_probability) * value_if_staying as predicted_value,
        churn_probability * value_if_staying * policy.assumed_save_rate
        - policy.contact_cost as expected_gain
    from users_scored
    cross join policy
    left join value_tiers using (as_of_date, user_id)
    left join lifecycles using (as_of_date, user_id)
),

final as (
    select
        *,
        row_number() over (
            partition by as_of_date order by {{ riskiest_first() }}
        ) as place
    from valued
)

select * from final

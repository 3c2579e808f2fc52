{{ config(materialized='view') }}

with

users_scored as (
    select
        *,
        100 * percent_rank() over (
            partition by as_of_date order by net_amount_365d
        ) as spend_percentile
    from {{ ref('int_users_scored') }}
),

value_cutoffs as (
    select * from {{ ref('value_tier_cutoffs') }}
),

lifecycle as (
    select
        max(case when threshold_name = 'new_for' then days end) as new_for,
        max(
            case when threshold_name = 'won_back_after' then days end
        ) as won_back_after,
        max(case when threshold_name = 'won_back_for' then days end) as won_back_for,
        max(case when threshold_name = 'active_for' then days end) as active_for,
        max(case when threshold_name = 'at_risk_for' then days end) as at_risk_for,
        max(case when threshold_name = 'lapsing_for' then days end) as lapsing_for
    from {{ ref('lifecycle_thresholds') }}
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

{# Who stays buys at least once, else at the pace so far; a first day is no pace. #}
paces as (
    select
        as_of_date,
        user_id,
        greatest(
            1.0,
            paid_orders_365d * horizon_days
            / least(365.0, greatest(horizon_days, days_since_first_paid_order + 1))
        ) as orders_if_staying
    from users_scored
),

final as (
    select
        users_scored.as_of_date,
        users_scored.user_id,
        value_tiers.value_tier,
        case
            when days_since_last_paid_order >= lapsing_for then 'churned'
            when days_since_first_paid_order < new_for then 'new'
            when
                last_purchase_gap_days >= won_back_after
                and days_since_last_paid_order < won_back_for
                then 'won_back'
            when days_since_last_paid_order < active_for then 'active'
            when days_since_last_paid_order < at_risk_for then 'at_risk'
            when days_since_last_paid_order < lapsing_for then 'lapsing'
        end as lifecycle_status,
        (1 - users_scored.churn_probability)
        * paces.orders_if_staying
        * users_scored.order_value_mean_365d as predicted_value
    from users_scored
    cross join lifecycle
    left join value_tiers using (as_of_date, user_id)
    left join paces using (as_of_date, user_id)
)

select * from final

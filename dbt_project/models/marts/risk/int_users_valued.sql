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
        {%- for name in [
            'new_for', 'won_back_after', 'won_back_for', 'active_for', 'at_risk_for',
            'lapsing_for',
        ] %}
        max(case when threshold_name = '{{ name }}' then days end) as {{ name }}
        {{- ',' if not loop.last }}
        {%- endfor %}
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

{# Who stays buys at least once, else at the pace so far; a newcomer's first day is no pace. #}
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

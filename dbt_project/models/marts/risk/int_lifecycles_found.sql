{{ config(materialized='view') }}

with

users_scored as (
    select * from {{ ref('int_users_scored') }}
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

final as (
    select
        as_of_date,
        user_id,
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
        end as lifecycle_status
    from users_scored
    cross join lifecycle
)

select * from final

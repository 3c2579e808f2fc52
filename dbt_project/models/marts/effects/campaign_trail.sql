{{ config(materialized='view') }}

with

outcomes as (
    select * from {{ ref('campaign_user_outcomes') }}
),

contacts as (
    select * from {{ ref('int_contacts_followed') }}
),

scores as (
    select
        as_of_date as assigned_on,
        user_id,
        churn_percentile,
        tier_reason,
        reason_1_code,
        model_version
    from {{ ref('user_risk_tiers_history') }}
),

final as (
    select
        -- ids and dates
        outcomes.as_of_date,
        outcomes.user_id,
        outcomes.experiment_id,
        outcomes.campaign_id,
        contacts.message_id,

        -- score
        outcomes.assigned_on as scored_on,
        outcomes.churn_probability,
        scores.churn_percentile,
        outcomes.risk_tier,
        outcomes.value_tier,
        scores.tier_reason,
        scores.reason_1_code,
        scores.model_version,

        -- assignment
        outcomes.assigned_on,
        outcomes.arm,
        outcomes.stratum,

        -- contact
        contacts.action,
        contacts.channel,
        contacts.handed_over_at,
        contacts.opened_at,
        contacts.clicked_at,
        contacts.coupon_code,
        contacts.coupon_redeemed_on,
        contacts.attributed_orders,

        -- outcome
        outcomes.goal_ends_on,
        outcomes.is_complete,
        outcomes.churned,
        outcomes.orders,
        outcomes.revenue,
        outcomes.net_margin,
        outcomes.returned_amount,
        outcomes.complaints,
        outcomes.unsubscribed,

        -- origin
        outcomes.run_id
    from outcomes
    left join scores using (assigned_on, user_id)
    left join contacts using (as_of_date, experiment_id, user_id)
)

select * from final

with

assignments as (
    select * from {{ ref('int_assignments_followed') }}
),

users_before as (
    select * from {{ ref('int_users_before_assignment') }}
),

users_after as (
    select * from {{ ref('int_users_after_assignment') }}
),

exposures as (
    select * from {{ ref('int_exposures_summed') }}
),

economics as (
    select gross_margin_rate
    from {{ ref('shop_economics') }}
),

runs as (
    select
        as_of_date,
        run_id
    from {{ source('control', 'run') }}
),

{# The goods cost their share of the full price; every discount comes off the margin. #}
valued as (
    select
        users_after.*,
        revenue - (1 - gross_margin_rate) * gross_amount as margin
    from users_after
    cross join economics
),

final as (
    select
        -- ids and dates
        assignments.as_of_date,
        assignments.experiment_id,
        assignments.campaign_id,
        assignments.user_id,
        assignments.assigned_on,
        assignments.goal_ends_on,
        assignments.is_complete,

        -- assignment
        assignments.arm,
        assignments.stratum,
        assignments.risk_tier,
        assignments.value_tier,
        assignments.holdout_share,
        assignments.action,
        users_before.churn_probability,

        -- before
        users_before.orders_before,
        users_before.revenue_before,
        users_before.returned_amount_before,
        users_before.complaints_before,
        users_before.active_days_before,

        -- contact
        exposures.first_contact_at,
        exposures.first_channel,
        exposures.contacts,
        exposures.contact_cost,
        exposures.coupon_code,
        exposures.coupon_redeemed_on,
        exposures.coupon_redeemed_value,

        -- outcome
        case
            when assignments.is_complete
                then cast(valued.orders = 0 as integer)
        end as churned,
        valued.orders,
        valued.revenue,
        valued.gross_amount,
        valued.margin,
        valued.margin - exposures.contact_cost as net_margin,

        -- guardrails
        valued.returns,
        valued.returned_amount,
        valued.complaints,
        valued.unsubscribed,

        -- origin
        runs.run_id
    from assignments
    left join users_before using (as_of_date, experiment_id, user_id)
    left join valued using (as_of_date, experiment_id, user_id)
    left join exposures using (as_of_date, experiment_id, user_id)
    left join runs using (as_of_date)
)

select * from final

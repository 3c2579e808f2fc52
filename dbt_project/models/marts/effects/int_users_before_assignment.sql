{{ config(materialized='view') }}

{#
    What users were like before the experiment could change anything: the goal_days that end
    with the day of assignment, as that day knew them. A later refund of an earlier order may
    be the campaign's doing and must not count.
#}
with

assignments as (
    select * from {{ ref('int_assignments_followed') }}
),

user_days as (
    select * from {{ ref('int_user_days') }}
    where user_id in (select user_id from assignments)
),

scores as (
    select
        as_of_date as assigned_on,
        user_id,
        churn_probability
    from {{ ref('user_risk_tiers_history') }}
),

days_before as (
    select
        assignments.as_of_date,
        assignments.experiment_id,
        assignments.user_id,
        sum(user_days.paid_orders) as orders,
        sum(user_days.net_amount) as revenue,
        sum(user_days.refund_amount) as returned_amount,
        sum(user_days.complaints) as complaints,
        sum(user_days.active_days) as active_days
    from assignments
    inner join user_days
        on
            assignments.user_id = user_days.user_id
            and {{ seen_by(
                'assignments.assigned_on', 'user_days.activity_date',
                days='assignments.goal_days', alias='user_days'
            ) }}
    group by assignments.as_of_date, assignments.experiment_id, assignments.user_id
),

final as (
    select
        assignments.as_of_date,
        assignments.experiment_id,
        assignments.user_id,
        scores.churn_probability,
        {{ sum_or_unknown('paid_orders', 'days_before.orders') }} as orders_before,
        {{ sum_or_unknown('net_amount', 'days_before.revenue') }} as revenue_before,
        {{ sum_or_unknown('refund_amount', 'days_before.returned_amount') }}
            as returned_amount_before,
        {{ sum_or_unknown('complaints', 'days_before.complaints') }}
            as complaints_before,
        cast(coalesce(days_before.active_days, 0) as integer) as active_days_before
    from assignments
    left join scores using (assigned_on, user_id)
    left join days_before using (as_of_date, experiment_id, user_id)
)

select * from final

{{ config(materialized='view') }}

{#
    What users did in the goal_days after the assignment, as known at the as_of_date. The day of
    assignment belongs to the time before: what leads to the choice must not be its outcome.
#}
with

assignments as (
    select * from {{ ref('int_assignments_followed') }}
),

user_days as (
    {%- call(as_of_date) for_each_as_of_date() %}
    select
        {{ as_of_date }} as as_of_date,
        user_id,
        activity_date,
        paid_orders,
        net_amount,
        gross_amount,
        returns,
        refund_amount,
        complaints
    from {{ ref('int_user_days') }}
    where
        user_id in (select user_id from assignments)
        and {{ seen_by(as_of_date, 'activity_date') }}
    {% endcall -%}
),

consents_withdrawn as (
    {%- call(as_of_date) for_each_as_of_date() %}
    select
        {{ as_of_date }} as as_of_date,
        user_id,
        cast(local_at as date) as withdrawn_on
    from {{ staged('consents') }}
    where
        not granted
        and {{ seen_by(as_of_date, 'cast(local_at as date)') }}
    {% endcall -%}
),

days_after as (
    select
        assignments.as_of_date,
        assignments.experiment_id,
        assignments.user_id,
        sum(user_days.paid_orders) as orders,
        sum(user_days.net_amount) as revenue,
        sum(user_days.gross_amount) as gross_amount,
        sum(user_days.returns) as returns,
        sum(user_days.refund_amount) as returned_amount,
        sum(user_days.complaints) as complaints
    from assignments
    inner join user_days
        on
            assignments.as_of_date = user_days.as_of_date
            and assignments.user_id = user_days.user_id
            and assignments.assigned_on < user_days.activity_date
            and assignments.goal_ends_on >= user_days.activity_date
    group by assignments.as_of_date, assignments.experiment_id, assignments.user_id
),

unsubscribed as (
    select distinct
        assignments.as_of_date,
        assignments.experiment_id,
        assignments.user_id,
        1 as withdrawals
    from assignments
    inner join consents_withdrawn
        on
            assignments.as_of_date = consents_withdrawn.as_of_date
            and assignments.user_id = consents_withdrawn.user_id
            and assignments.assigned_on < consents_withdrawn.withdrawn_on
            and assignments.goal_ends_on >= consents_withdrawn.withdrawn_on
),

final as (
    select
        assignments.as_of_date,
        assignments.experiment_id,
        assignments.user_id,
        {{ sum_or_unknown('paid_orders', 'days_after.orders') }} as orders,
        {{ sum_or_unknown('net_amount', 'days_after.revenue') }} as revenue,
        {{ sum_or_unknown('gross_amount', 'days_after.gross_amount') }} as gross_amount,
        {{ sum_or_unknown('returns', 'days_after.returns') }} as returns,
        {{ sum_or_unknown('refund_amount', 'days_after.returned_amount') }}
            as returned_amount,
        {{ sum_or_unknown('complaints', 'days_after.complaints') }} as complaints,
        {{ or_unknown('consents', 'unsubscribed.withdrawals') }} as unsubscribed
    from assignments
    left join days_after using (as_of_date, experiment_id, user_id)
    left join unsubscribed using (as_of_date, experiment_id, user_id)
)

select * from final

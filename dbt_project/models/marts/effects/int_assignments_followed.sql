{{ config(materialized='view') }}

{#
    Who was assigned by the day, and until when they are followed. Who was drawn for a launch
    that nobody has approved is left out, whatever the arm: nothing of it was sent, and the
    approval saw no arm and no outcome, so both arms lose alike (Fergusson et al. 2002).
#}
with

assignments as (
    {%- call(as_of_date) for_each_as_of_date() %}
    select
        {{ as_of_date }} as as_of_date,
        experiment_id,
        campaign_id,
        user_id,
        arm,
        stratum,
        holdout_share,
        assigned_on
    from {{ source('control', 'campaign_assignments') }}
    where
        assigned_on <= {{ as_of_date }}
        and (launch_state is null or launch_state = 'released')
    {% endcall -%}
),

policies as (
    select
        campaign_id,
        action,
        goal_days,
        least_effect
    from {{ ref('campaign_policy') }}
),

{# An experiment whose policy is gone is followed as long as churn is. #}
followed as (
    select
        assignments.*,
        policies.action,
        policies.least_effect,
        coalesce(
            nullif(policies.goal_days, 0), {{ checked_number('horizon_days') }}
        ) as goal_days
    from assignments
    left join policies using (campaign_id)
),

final as (
    select
        -- ids and dates
        as_of_date,
        experiment_id,
        campaign_id,
        user_id,
        assigned_on,
        cast(goal_days as integer) as goal_days,
        cast(assigned_on + goal_days as date) as goal_ends_on,
        assigned_on + goal_days <= as_of_date as is_complete,

        -- experiment
        arm,
        stratum,
        nullif(split_part(stratum, '/', 1), '') as risk_tier,
        nullif(split_part(stratum, '/', 2), '') as value_tier,
        holdout_share,
        action,
        least_effect
    from followed
)

select * from final

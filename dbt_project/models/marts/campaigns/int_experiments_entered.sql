{{ config(materialized='view') }}

{#
    Experiments that users entered on earlier days. Who has been in an experiment may be chosen
    for it again when the goal_days are over, and then every so many days; the arm does not
    matter, since nobody may be chosen more often for having been left alone.
#}
with

policies as (
    select
        experiment_id,
        goal_days
    from {{ ref('campaign_policy') }}
),

assignments as (
    {%- call(as_of_date) for_each_as_of_date() %}
    select
        {{ as_of_date }} as as_of_date,
        user_id,
        experiment_id,
        arm,
        {{ as_of_date }} - assigned_on as days_in
    from {{ source('control', 'campaign_assignments') }}
    where
        assigned_on < {{ as_of_date }}
        or (assigned_on = {{ as_of_date }} and arm = 'global_control')
    {% endcall -%}
),

{# An experiment that left the policy holds its users out for a churn horizon. #}
followed as (
    select
        assignments.*,
        coalesce(
            nullif(policies.goal_days, 0), {{ checked_number('horizon_days') }}
        ) as goal_days
    from assignments
    left join policies using (experiment_id)
),

final as (
    select
        as_of_date,
        user_id,
        bool_or(arm = 'global_control') as is_recorded_global_control,
        string_agg(experiment_id, '|' order by experiment_id) filter (
            where arm <> 'global_control' and days_in % goal_days <> 0
        ) as experiments_entered,
        string_agg(experiment_id, '|' order by experiment_id) filter (
            where arm = 'holdout' and days_in < goal_days
        ) as experiments_held_out
    from followed
    group by as_of_date, user_id
)

select * from final

{{ config(materialized='view') }}

{#
    Users whom nothing may reach on a day: the global control, for ever, and the holdouts of
    running experiments, those drawn today included.
#}
with

policies as (
    select
        experiment_id,
        goal_days
    from {{ ref('campaign_policy') }}
),

assignments as (
    select
        campaign_assignments.*,
        coalesce(
            nullif(policies.goal_days, 0), {{ checked_number('horizon_days') }}
        ) as goal_days
    from {{ ref('campaign_assignments') }} as campaign_assignments
    left join policies using (experiment_id)
    where campaign_assignments.arm in ('holdout', 'global_control')
),

final as (
    {%- call(as_of_date) for_each_as_of_date() %}
    select distinct
        {{ as_of_date }} as as_of_date,
        user_id
    from assignments
    where
        assigned_on <= {{ as_of_date }}
        and (
            arm = 'global_control'
            or {{ as_of_date }} < assigned_on + goal_days
        )
    {% endcall -%}
)

select * from final

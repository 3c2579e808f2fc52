{{ config(materialized='view') }}

{#
    Contacts that reached users whom nothing may reach: anything at all for the global control;
    for a holdout its own campaign at any time, and every campaign until the goal_days are over.
    Every way to reach a user is a contact, so this is the whole count. It must be 0.
#}
with

policies as (
    select
        experiment_id,
        campaign_id,
        goal_days
    from {{ ref('campaign_policy') }}
),

days as (
    select
        as_of_date,
        run_id
    from {{ source('control', 'run') }}
    where as_of_date in ({{ days_being_built() }})
),

assignments as (
    select
        campaign_assignments.* exclude (run_id),
        coalesce(
            nullif(policies.goal_days, 0), {{ checked_number('horizon_days') }}
        ) as goal_days
    from {{ ref('campaign_assignments') }} as campaign_assignments
    left join policies using (experiment_id)
),

protected as (
    select
        days.as_of_date,
        assignments.*
    from days
    inner join assignments
        on days.as_of_date >= assignments.assigned_on
    where assignments.arm in ('holdout', 'global_control')
),

{# A day's decisions reach users on the days after it. #}
contacts as (
    select
        user_id,
        campaign_id,
        as_of_date as decided_on,
        coalesce(
            cast({{ shop_time('handed_over_at') }} as date), as_of_date + 1
        ) as contacted_on
    from {{ source('control', 'campaign_contacts') }}
    where
        handed_over_at is not null
        or state in ({{ contact_states_handed_over() }})
),

reached as (
    select
        protected.as_of_date,
        protected.experiment_id,
        count(distinct protected.user_id) as users_reached,
        count(*) as contacts
    from protected
    inner join contacts
        on
            protected.user_id = contacts.user_id
            and protected.assigned_on < contacts.contacted_on
            and (
                protected.arm = 'global_control'
                or protected.campaign_id = contacts.campaign_id
                or protected.assigned_on + protected.goal_days >= contacts.contacted_on
            )
    group by protected.as_of_date, protected.experiment_id
),

counted as (
    select
        as_of_date,
        experiment_id,
        count(*) as users_protected
    from protected
    group by as_of_date, experiment_id
),

{# An experiment without anybody to protect is told too. #}
experiments as (
    select
        experiment_id,
        campaign_id
    from policies
    union
    select
        experiment_id,
        campaign_id
    from assignments
),

final as (
    select
        days.as_of_date,
        experiments.experiment_id,
        experiments.campaign_id,
        coalesce(counted.users_protected, 0) as users_protected,
        coalesce(reached.users_reached, 0) as users_reached,
        coalesce(reached.contacts, 0) as contacts,
        days.run_id
    from days
    cross join experiments
    left join counted using (as_of_date, experiment_id)
    left join reached using (as_of_date, experiment_id)
)

select * from final

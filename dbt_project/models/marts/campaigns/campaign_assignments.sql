{{ config(materialized='view') }}

{#
    Who has which arm. What was recorded stands, whatever salts and shares say now; whoever was
    chosen today is drawn; the global control holds its users from the first day that scores
    them. A view, since users are chosen after this folder was built.
#}
with

recorded as (
    select
        experiment_id,
        campaign_id,
        user_id,
        arm,
        stratum,
        holdout_share,
        salt,
        assigned_on,
        launch_state,
        true as is_recorded,
        run_id
    from {{ source('control', 'campaign_assignments') }}
),

policies as (
    select
        campaign_id,
        salt
    from {{ ref('campaign_policy') }}
),

chosen as (
    select
        choices.as_of_date,
        choices.user_id,
        choices.campaign_id,
        choices.run_id
    from {{ source('ml', 'action_choices') }} as choices
    where choices.as_of_date in ({{ days_being_built() }})
),

drawn as (
    select
        eligibility.experiment_id,
        eligibility.campaign_id,
        eligibility.user_id,
        case
            when {{ hash_bucket(
                'policies.salt', 'eligibility.experiment_id', 'eligibility.user_id'
            ) }} < eligibility.holdout_share
                then 'holdout'
            else 'treatment'
        end as arm,
        eligibility.stratum,
        eligibility.holdout_share,
        policies.salt,
        eligibility.as_of_date as assigned_on,
        chosen.run_id
    from chosen
    inner join {{ ref('campaign_eligibility') }} as eligibility
        using (as_of_date, user_id, campaign_id)
    inner join policies using (campaign_id)
),

global_control as (
    select
        policy.experiment_id,
        policy.campaign_id,
        users.user_id,
        'global_control' as arm,
        users.stratum,
        policy.holdout_share,
        policy.salt,
        users.as_of_date as assigned_on,
        users.run_id
    from {{ ref('int_decisions_prepared') }} as users
    inner join {{ ref('campaign_policy') }} as policy
        on policy.experiment_id = 'global_control'
    where users.is_global_control
),

new_ones as (
    select * from drawn
    union all by name
    select * from global_control
),

{# Days that are built together assign on the first of them. #}
first_ones as (
    select
        *,
        false as is_recorded
    from new_ones
    anti join recorded using (experiment_id, user_id)
    qualify row_number() over (
        partition by experiment_id, user_id order by assigned_on
    ) = 1
),

united as (
    select * from recorded
    union all by name
    select * from first_ones
),

final as (
    select
        -- ids and dates
        experiment_id,
        campaign_id,
        user_id,
        assigned_on,

        -- arm
        arm,
        stratum,
        holdout_share,
        salt,
        is_recorded,
        launch_state,

        -- origin
        run_id
    from united
)

select * from final

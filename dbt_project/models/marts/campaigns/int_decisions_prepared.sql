{{ config(materialized='table') }}

{# Everything that is decided per user stands here, before users meet campaigns. #}
with

users_tiered as (
    select
        as_of_date,
        user_id,
        churn_probability,
        risk_tier,
        value_tier,
        lifecycle_status,
        value_if_staying,
        run_id
    from {{ ref('user_risk_tiers') }}
),

signals_listed as (
    select * from {{ ref('int_signals_listed') }}
),

rights_known as (
    select * from {{ ref('int_rights_known') }}
),

manners_known as (
    select * from {{ ref('int_manners_known') }}
),

experiments_entered as (
    select * from {{ ref('int_experiments_entered') }}
),

global_control as (
    select
        salt,
        experiment_id,
        holdout_share
    from {{ ref('campaign_policy') }}
    where
        experiment_id = 'global_control'
        and is_enabled
),

final as (
    select
        -- ids and dates
        users_tiered.as_of_date,
        users_tiered.user_id,

        -- risk and value
        users_tiered.churn_probability,
        users_tiered.value_if_staying,
        users_tiered.risk_tier,
        users_tiered.value_tier,
        users_tiered.lifecycle_status,
        users_tiered.risk_tier || '/' || users_tiered.value_tier as stratum,
        users_tiered.risk_tier || '/' || users_tiered.value_tier || '/'
        || users_tiered.lifecycle_status as tiers,
        signals_listed.signals,

        -- rights
        rights_known.* exclude (as_of_date, user_id),

        -- experiments
        coalesce(experiments_entered.is_recorded_global_control, false)
        or coalesce({{ hash_bucket(
            'global_control.salt', 'global_control.experiment_id',
            'users_tiered.user_id'
        ) }} < global_control.holdout_share, false) as is_global_control,
        experiments_entered.experiments_entered,
        experiments_entered.experiments_held_out,

        -- manners
        coalesce(manners_known.language, 'en') as language,
        coalesce(manners_known.time_zone, '{{ checked_time_zone() }}') as time_zone,
        manners_known.usual_hour,

        -- origin
        users_tiered.run_id
    from users_tiered
    left join signals_listed using (as_of_date, user_id)
    left join rights_known using (as_of_date, user_id)
    left join manners_known using (as_of_date, user_id)
    left join experiments_entered using (as_of_date, user_id)
    left join global_control on true
)

select * from final

{{ config(materialized='view') }}

{#
    Every user meets every campaign, and the first reason against it is told: what the user
    alone decides. What the whole audience decides comes in campaign_eligibility.
#}
with

users as (
    select * from {{ ref('int_decisions_prepared') }}
),

campaigns as (
    select * from {{ ref('int_campaigns_enabled') }}
),

audiences as (
    select * from {{ ref('int_audiences_judged') }}
),

signals as (
    select * from {{ ref('int_signals_judged') }}
),

contact_states as (
    select * from {{ ref('int_contact_states_judged') }}
),

final as (
    select
        users.*,
        campaigns.campaign_id,
        campaigns.experiment_id,
        campaigns.action,
        campaigns.offer_id,
        campaigns.assumed_save_rate,
        campaigns.holdout_share,
        campaigns.small_stratum_users,
        campaigns.small_stratum_holdout_share,
        contact_states.channel,
        contact_states.expected_cost,
        contact_states.sends_from_hour,
        contact_states.sends_until_hour,
        signals.trigger_code,
        case
            when users.is_global_control then 'global_control'
            when not coalesce(audiences.is_in_audience, false) then 'not_in_audience'
            when signals.trigger_code is null then 'no_trigger'
            when signals.is_excluded then 'excluded_by_reason'
            when users.objects_to_profiling then 'objected_to_profiling'
            when contact_states.lasting_reason is not null
                then contact_states.lasting_reason
            when
                users.experiments_held_out is not null
                and users.experiments_held_out <> campaigns.experiment_id
                then 'held_out'
            when
                {{ is_listed('campaigns.experiment_id', 'users.experiments_entered') }}
                then 'in_experiment'
            else contact_states.passing_reason
        end as first_reason
    from users
    cross join campaigns
    left join audiences using (tiers, campaign_id)
    left join signals using (signals, campaign_id)
    left join contact_states using (contact_state, campaign_id)
)

select * from final

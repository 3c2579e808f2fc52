{{ config(materialized='view') }}

{#
    What is done today, and with whom: one action per user. Users were chosen whatever their
    arm; who is held out stands here too, and is handed over to nobody.
#}
with

choices as (
    select * from {{ source('ml', 'action_choices') }}
    where as_of_date in ({{ days_being_built() }})
),

eligibility as (
    select * from {{ ref('campaign_eligibility') }}
),

assignments as (
    select
        experiment_id,
        user_id,
        arm
    from {{ ref('campaign_assignments') }}
),

choices_worded as (
    select * from {{ ref('int_choices_worded') }}
),

final as (
    select
        -- ids and dates
        choices.as_of_date,
        choices.user_id,
        choices.campaign_id,
        eligibility.experiment_id,

        -- experiment
        assignments.arm,
        eligibility.stratum,
        eligibility.holdout_share,

        -- action
        eligibility.action,
        eligibility.offer_id,
        eligibility.channel,
        eligibility.language,
        eligibility.time_zone,
        eligibility.preferred_hour,

        -- why
        eligibility.trigger_code,
        eligibility.risk_tier,
        eligibility.value_tier,
        {%- for place in [1, 2, 3] %}
        choices_worded.reason_{{ place }}_sentence_en,
        choices_worded.reason_{{ place }}_sentence_zh,
        {%- endfor %}

        -- value
        choices.expected_net_value,
        eligibility.expected_cost as cost,
        choices.policy_mode,
        choices.choice_rank,

        -- origin
        choices.run_id
    from choices
    inner join eligibility using (as_of_date, user_id, campaign_id)
    left join assignments
        on
            eligibility.experiment_id = assignments.experiment_id
            and eligibility.user_id = assignments.user_id
    left join choices_worded
        on
            choices.as_of_date = choices_worded.as_of_date
            and choices.user_id = choices_worded.user_id
)

select * from final

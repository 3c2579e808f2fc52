{{ config(materialized='view') }}

{#
    Which channel a campaign may use in each contact state, if any: the one that the user
    answers best where the campaign may use it, else the campaign's own order.
#}
with

states as (
    select distinct
        contact_state,
        purposes_granted,
        purposes_blocked,
        kinds_resting,
        preferred_channel
    from {{ ref('int_decisions_prepared') }}
),

campaigns as (
    select * from {{ ref('int_campaigns_enabled') }}
),

channels as (
    select
        campaigns.campaign_id,
        contact_policy.*,
        {{ place_in_list('contact_policy.channel', 'campaigns.channels') }} as place
    from campaigns
    inner join {{ ref('contact_policy') }} as contact_policy
        on {{ is_listed('contact_policy.channel', 'campaigns.channels') }}
),

channels_asked as (
    select
        states.contact_state,
        channels.campaign_id,
        channels.channel,
        case when channels.channel = states.preferred_channel then 0 else 1 end
            as preference,
        channels.place,
        channels.contact_cost,
        channels.sends_from_hour,
        channels.sends_until_hour,
        {%- if has_table('consents') %}
        {{ is_listed('channels.consent_purpose', 'states.purposes_granted') }}
            as is_granted,
        {%- else %}
        {# without any consents only what the policy takes as given is granted #}
        channels.assumes_consent as is_granted,
        {%- endif %}
        not {{ is_listed('channels.consent_purpose', 'states.purposes_blocked') }}
        and not {{ is_listed("'any'", 'states.purposes_blocked') }} as is_unblocked,
        not {{ is_listed('channels.channel', 'states.kinds_resting') }}
        and not {{ is_listed("'any'", 'states.kinds_resting') }} as is_rested
    from states
    cross join channels
),

channels_judged as (
    select
        contact_state,
        campaign_id,
        bool_or(is_granted) as is_any_granted,
        bool_or(is_granted and is_unblocked) as is_any_unblocked,
        arg_min(
            {# one struct, so that a channel keeps its own cost and hours #}
            struct_pack(
                name := channel,
                cost := contact_cost,
                from_hour := sends_from_hour,
                until_hour := sends_until_hour
            ),
            (preference, place)
        ) filter (where is_granted and is_unblocked and is_rested) as chosen
    from channels_asked
    group by contact_state, campaign_id
),

final as (
    select
        states.contact_state,
        campaigns.campaign_id,
        channels_judged.chosen.name as channel,
        channels_judged.chosen.from_hour as sends_from_hour,
        channels_judged.chosen.until_hour as sends_until_hour,
        channels_judged.chosen.cost + campaigns.expected_offer_cost
            as expected_cost,
        case
            when channels_judged.campaign_id is null then 'no_channel'
            when not channels_judged.is_any_granted then 'no_consent'
            when not channels_judged.is_any_unblocked then 'do_not_contact'
        end as lasting_reason,
        case
            when channels_judged.chosen is null then 'contacted_recently'
            when
                campaigns.face_value > 0
                and {{ is_listed("'offer'", 'states.kinds_resting') }}
                then 'offer_cap'
            when
                campaigns.action = 'coupon'
                and {{ is_listed("'coupon'", 'states.kinds_resting') }}
                then 'coupon_cool_down'
        end as passing_reason
    from states
    cross join campaigns
    left join channels_judged using (contact_state, campaign_id)
)

select * from final

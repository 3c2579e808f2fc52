{{ config(materialized='view') }}

{#
    What may be done with a user, whatever the campaign: consents, blocks, what must rest, and
    the channel that is answered best. contact_state names all of it in one text: users are
    many, states are few, and a state is judged once.
#}
with

users_tiered as (
    select
        as_of_date,
        user_id
    from {{ ref('user_risk_tiers') }}
),

consents_granted as (
    select * from {{ ref('int_consents_granted') }}
),

blocks as (
    select
        user_id,
        string_agg(distinct purpose, '|' order by purpose) as purposes_blocked,
        bool_or(purpose = 'profiling') as is_profiling_blocked
    from {{ source('control', 'contact_blocks') }}
    group by user_id
),

contacts_remembered as (
    select * from {{ ref('int_contacts_remembered') }}
),

channels_preferred as (
    select * from {{ ref('int_channels_preferred') }}
),

joined as (
    select
        users_tiered.as_of_date,
        users_tiered.user_id,
        coalesce(consents_granted.purposes_granted, '') as purposes_granted,
        coalesce(blocks.purposes_blocked, '') as purposes_blocked,
        coalesce(contacts_remembered.kinds_resting, '') as kinds_resting,
        coalesce(channels_preferred.preferred_channel, '') as preferred_channel,
        coalesce(consents_granted.objects_to_profiling, false)
        or coalesce(blocks.is_profiling_blocked, false) as objects_to_profiling
    from users_tiered
    left join consents_granted using (as_of_date, user_id)
    left join blocks using (user_id)
    left join contacts_remembered using (as_of_date, user_id)
    left join channels_preferred using (as_of_date, user_id)
),

final as (
    select
        *,
        purposes_granted || '/' || purposes_blocked || '/' || kinds_resting
        || '/' || preferred_channel as contact_state
    from joined
)

select * from final

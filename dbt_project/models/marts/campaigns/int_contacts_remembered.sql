{{ config(materialized='view') }}

{#
    What users were sent lately, and what must rest for it. Contacts of earlier days count, so
    that a day that is run again decides as it did. A message that is still on its way counts
    as of the moment that the decision looks at: it may arrive any time. After a week it does
    not arrive any more.
#}
with

contacts as (
    {%- call(as_of_date) for_each_as_of_date() %}
    select
        {{ as_of_date }} as as_of_date,
        user_id,
        channel,
        action,
        offer_id,
        {{ decision_time(as_of_date) }} as decided_at,
        coalesce(handed_over_at, {{ decision_time(as_of_date) }}) as contacted_at
    from {{ source('control', 'campaign_contacts') }}
    where
        as_of_date < {{ as_of_date }}
        and state in ({{ contact_states_that_count() }})
        and (handed_over_at is not null or as_of_date >= {{ as_of_date }} - 7)
    {% endcall -%}
),

gifts as (
    select offer_id
    from {{ ref('offers') }}
    where face_value > 0
),

{# A contact is one of its channel, one of any, and maybe an offer or a coupon. #}
kinds as (
    select
        contacts.*,
        contacts.channel as kind
    from contacts
    union all
    select
        contacts.*,
        'any' as kind
    from contacts
    union all
    select
        contacts.*,
        'offer' as kind
    from contacts
    semi join gifts using (offer_id)
    union all
    select
        contacts.*,
        'coupon' as kind
    from contacts
    where action = 'coupon'
),

counted as (
    select
        as_of_date,
        user_id,
        kind,
        decided_at,
        max(contacted_at) as last_contact_at,
        count(
            case when contacted_at > decided_at - interval 30 day then 1 end
        ) as contacts_30d
    from kinds
    group by as_of_date, user_id, kind, decided_at
),

resting as (
    select
        counted.as_of_date,
        counted.user_id,
        counted.kind
    from counted
    inner join {{ ref('contact_policy') }} as contact_policy
        on counted.kind = contact_policy.channel
    where
        counted.last_contact_at + to_hours(contact_policy.hours_between)
        > counted.decided_at
        or counted.contacts_30d >= contact_policy.most_in_30_days
),

final as (
    select
        as_of_date,
        user_id,
        string_agg(kind, '|' order by kind) as kinds_resting
    from resting
    group by as_of_date, user_id
)

select * from final

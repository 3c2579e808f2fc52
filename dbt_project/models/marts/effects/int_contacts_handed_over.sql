{{ config(materialized='view') }}

{# What left the house, what a contact costs, and what became of it. #}
with

contacts as (
    select
        *,
        cast({{ shop_time('handed_over_at') }} as date) as handed_over_on
    from {{ source('control', 'campaign_contacts') }}
    where handed_over_at is not null
),

contact_costs as (
    select
        channel,
        contact_cost
    from {{ ref('contact_policy') }}
),

contacts_known as (
    {%- call(as_of_date) for_each_as_of_date() %}
    select
        {{ as_of_date }} as as_of_date,
        contacts.* exclude (as_of_date)
    from contacts
    where handed_over_on <= {{ as_of_date }}
    {% endcall -%}
),

{# The shop tells of openings and clicks under the message's own number. #}
touches_known as (
    {%- call(as_of_date) for_each_as_of_date() %}
    select
        {{ as_of_date }} as as_of_date,
        touch_id as message_id,
        case
            when cast({{ shop_time('opened_at') }} as date) <= {{ as_of_date }}
                then opened_at
        end as opened_at,
        case
            when cast({{ shop_time('clicked_at') }} as date) <= {{ as_of_date }}
                then clicked_at
        end as clicked_at
    from {{ staged('campaign_touches') }} as touches
    where {{ seen_by(as_of_date) }}
    {% endcall -%}
),

final as (
    select
        -- ids and dates
        contacts_known.as_of_date,
        contacts_known.message_id,
        contacts_known.user_id,
        contacts_known.experiment_id,
        contacts_known.campaign_id,

        -- contact
        contacts_known.action,
        contacts_known.offer_id,
        contacts_known.channel,
        contacts_known.coupon_code,
        coalesce(contact_costs.contact_cost, 0) as contact_cost,
        contacts_known.handed_over_at,
        contacts_known.handed_over_on,

        -- answer; whoever clicked has opened, also where pictures were blocked
        coalesce(
            touches_known.opened_at, touches_known.clicked_at
        ) as opened_at,
        touches_known.clicked_at
    from contacts_known
    left join contact_costs using (channel)
    left join touches_known
        on
            contacts_known.as_of_date = touches_known.as_of_date
            and contacts_known.message_id = touches_known.message_id
)

select * from final

{{ config(materialized='view') }}

{#
    What an experiment did to each of its users within the goal_days: contacts, their cost and
    the coupon. Only what was handed over counts; what was held back reached nobody.
#}
with

assignments as (
    select * from {{ ref('int_assignments_followed') }}
),

contacts as (
    select
        assignments.as_of_date,
        assignments.experiment_id,
        assignments.user_id,
        min(contacts.handed_over_at) as first_contact_at,
        arg_min(
            contacts.channel, (contacts.handed_over_at, contacts.message_id)
        ) as first_channel,
        min(contacts.coupon_code) as coupon_code,
        count(*) as contacts,
        sum(cast(contacts.contact_cost as decimal(18, 4))) as contact_cost
    from assignments
    inner join {{ ref('int_contacts_handed_over') }} as contacts
        on
            assignments.as_of_date = contacts.as_of_date
            and assignments.experiment_id = contacts.experiment_id
            and assignments.user_id = contacts.user_id
            and assignments.goal_ends_on >= contacts.handed_over_on
    group by assignments.as_of_date, assignments.experiment_id, assignments.user_id
),

coupons_redeemed as (
    select
        assignments.as_of_date,
        assignments.experiment_id,
        assignments.user_id,
        min(coupons.redeemed_on) as coupon_redeemed_on,
        sum(
            cast(coupons.redeemed_value as decimal(18, 4))
        ) as coupon_redeemed_value
    from assignments
    inner join {{ ref('int_coupons_redeemed') }} as coupons
        on
            assignments.as_of_date = coupons.as_of_date
            and assignments.campaign_id = coupons.campaign_id
            and assignments.user_id = coupons.user_id
            and assignments.assigned_on <= coupons.issued_on
            and assignments.goal_ends_on >= coupons.redeemed_on
    group by assignments.as_of_date, assignments.experiment_id, assignments.user_id
),

final as (
    select
        assignments.as_of_date,
        assignments.experiment_id,
        assignments.user_id,
        contacts.first_contact_at,
        contacts.first_channel,
        contacts.coupon_code,
        cast(coalesce(contacts.contacts, 0) as integer) as contacts,
        cast(coalesce(contacts.contact_cost, 0) as double) as contact_cost,
        coupons_redeemed.coupon_redeemed_on,
        cast(
            coalesce(coupons_redeemed.coupon_redeemed_value, 0) as double
        ) as coupon_redeemed_value
    from assignments
    left join contacts using (as_of_date, experiment_id, user_id)
    left join coupons_redeemed using (as_of_date, experiment_id, user_id)
)

select * from final

{{ config(materialized='table') }}

{#
    What came after each contact. An order belongs to the last contact before it (last touch),
    of whichever campaign, if it is placed within that campaign's goal_days. That says what
    followed, not what was caused: campaign_effects compares with users held out.
#}
with

policies as (
    select
        campaign_id,
        goal_days
    from {{ ref('campaign_policy') }}
),

contacts as (
    select
        contacts_handed_over.*,
        cast(contacts_handed_over.handed_over_on + coalesce(
            nullif(policies.goal_days, 0), {{ checked_number('horizon_days') }}
        ) as date) as goal_ends_on
    from {{ ref('int_contacts_handed_over') }} as contacts_handed_over
    left join policies using (campaign_id)
),

orders_known as (
    {%- call(as_of_date) for_each_as_of_date() %}
    select
        {{ as_of_date }} as as_of_date,
        order_id,
        user_id,
        ordered_at,
        order_date,
        net_amount
    from {{ ref('int_orders_valued') }}
    where
        is_paid
        and user_id in (select user_id from contacts)
        and {{ seen_by(as_of_date, 'order_date') }}
    {% endcall -%}
),

last_touches as (
    select
        contacts.as_of_date,
        orders_known.order_id,
        orders_known.net_amount,
        arg_max(
            contacts.message_id, (contacts.handed_over_at, contacts.message_id)
        ) as message_id
    from contacts
    inner join orders_known
        on
            contacts.as_of_date = orders_known.as_of_date
            and contacts.user_id = orders_known.user_id
            and contacts.handed_over_at <= orders_known.ordered_at
            and contacts.goal_ends_on >= orders_known.order_date
    group by contacts.as_of_date, orders_known.order_id, orders_known.net_amount
),

orders_after as (
    select
        as_of_date,
        message_id,
        count(*) as attributed_orders,
        sum(net_amount) as attributed_revenue
    from last_touches
    group by as_of_date, message_id
),

coupons_redeemed as (
    select
        as_of_date,
        coupon_code,
        redeemed_on,
        redeemed_value
    from {{ ref('int_coupons_redeemed') }}
),

final as (
    select
        contacts.*,
        coupons_redeemed.redeemed_on as coupon_redeemed_on,
        coupons_redeemed.redeemed_value as coupon_redeemed_value,
        coalesce(orders_after.attributed_orders, 0) as attributed_orders,
        coalesce(orders_after.attributed_revenue, 0) as attributed_revenue
    from contacts
    left join coupons_redeemed using (as_of_date, coupon_code)
    left join orders_after using (as_of_date, message_id)
)

select * from final

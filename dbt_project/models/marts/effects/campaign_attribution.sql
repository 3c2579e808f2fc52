with

contacts as (
    select * from {{ ref('int_contacts_followed') }}
),

runs as (
    select
        as_of_date,
        run_id
    from {{ source('control', 'run') }}
),

counted as (
    select
        as_of_date,
        campaign_id,
        experiment_id,
        action,
        channel,
        count(*) as sent,
        count(distinct user_id) as users_contacted,
        count(opened_at) as opened,
        count(clicked_at) as clicked,
        count(coupon_code) as coupons_sent,
        count(coupon_redeemed_on) as redeemed,
        count(case when attributed_orders > 0 then 1 end) as ordered,
        cast(sum(attributed_orders) as bigint) as attributed_orders,
        sum(attributed_revenue) as attributed_revenue,
        sum(cast(contact_cost as decimal(18, 4))) as contact_cost,
        sum(cast(coupon_redeemed_value as decimal(18, 4))) as coupon_redeemed_value
    from contacts
    group by as_of_date, campaign_id, experiment_id, action, channel
),

final as (
    select
        -- ids and dates
        counted.as_of_date,
        counted.campaign_id,
        counted.experiment_id,
        counted.action,
        counted.channel,

        -- from sent to ordered
        counted.sent,
        counted.users_contacted,
        counted.opened,
        counted.clicked,
        counted.coupons_sent,
        counted.redeemed,
        counted.ordered,

        -- rates
        {{ share('counted.opened', 'counted.sent') }} as open_rate,
        {{ share('counted.clicked', 'counted.sent') }} as click_rate,
        {{ share('counted.redeemed', 'counted.coupons_sent') }} as redemption_rate,
        {{ share('counted.ordered', 'counted.sent') }} as order_rate,

        -- money
        counted.attributed_orders,
        cast(counted.attributed_revenue as double) as attributed_revenue,
        cast(counted.contact_cost as double) as contact_cost,
        cast(coalesce(counted.coupon_redeemed_value, 0) as double)
            as coupon_redeemed_value,

        -- origin
        runs.run_id
    from counted
    left join runs using (as_of_date)
)

select * from final

{{ config(materialized='view') }}

{# Rows are few beside events: each is carried as it is, with a 1 for what it counts. #}
with

return_rows as (
    select
        user_id,
        cast(local_at as date) as activity_date,
        1 as returns,
        quantity as returned_items,
        amount as refund_amount,
        known_on,
        superseded_on,
        changed_by_delivery
    from {{ staged('returns') }}
),

review_rows as (
    select
        user_id,
        cast(local_at as date) as activity_date,
        1 as reviews,
        rating as rating_sum,
        case when rating <= 2 then 1 else 0 end as low_ratings,
        known_on,
        superseded_on,
        changed_by_delivery
    from {{ staged('reviews') }}
),

message_rows as (
    select
        user_id,
        cast(local_at as date) as activity_date,
        case when sender = 'user' then 1 else 0 end as user_messages,
        case when sender = 'user' and is_complaint then 1 else 0 end as complaints,
        satisfaction as satisfaction_sum,
        case when satisfaction is not null then 1 else 0 end as satisfaction_answers,
        known_on,
        superseded_on,
        changed_by_delivery
    from {{ ref('int_messages_classified') }}
),

{# Opening and clicking count on their own day: the day of sending cannot know them. #}
touch_rows as (
    select
        user_id,
        cast(local_at as date) as activity_date,
        1 as touches_sent,
        known_on,
        superseded_on,
        changed_by_delivery
    from {{ staged('campaign_touches') }}
    union all by name
    select
        user_id,
        cast({{ shop_time('opened_at') }} as date) as activity_date,
        1 as touches_opened,
        known_on,
        superseded_on,
        changed_by_delivery
    from {{ staged('campaign_touches') }}
    where opened_at is not null
    union all by name
    select
        user_id,
        cast({{ shop_time('clicked_at') }} as date) as activity_date,
        1 as touches_clicked,
        known_on,
        superseded_on,
        changed_by_delivery
    from {{ staged('campaign_touches') }}
    where clicked_at is not null
),

coupon_rows as (
    select
        user_id,
        cast(local_at as date) as activity_date,
        1 as coupons_issued,
        known_on,
        superseded_on,
        changed_by_delivery
    from {{ staged('coupons') }}
),

final as (
    select * from return_rows
    union all by name
    select * from review_rows
    union all by name
    select * from message_rows
    union all by name
    select * from touch_rows
    union all by name
    select * from coupon_rows
)

select * from final
where user_id is not null

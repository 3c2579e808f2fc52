with

users_observed as (
    select * from {{ ref('int_users_observed') }}
),

windows as (
    select * from {{ ref('int_user_windows_summed') }}
),

complaints as (
    select * from {{ ref('int_complaints_followed') }}
),

promotions as (
    select
        as_of_date,
        user_id,
        active_days as promotion_active_days,
        paid_orders as promotion_orders
    from {{ ref('int_promotions_met') }}
),

final as (
    select
        as_of_date,
        user_id,

        -- discounts and coupons
        {{ share('discount_amount_365d', 'gross_amount_365d') }}
            as discount_share_365d,
        {{ share('discounted_orders_365d', 'paid_orders_365d') }}
            as discounted_order_share_365d,
        {{ share('coupon_orders_365d', 'paid_orders_365d') }}
            as coupon_order_share_365d,
        coupons_issued_365d,
        {{ share('coupon_orders_365d', 'coupons_issued_365d') }}
            as coupon_redemption_share_365d,

        -- promotions seen
        {{ or_unknown('promotions', 'promotion_active_days') }}
            as promotion_active_days_365d,
        {{ or_unknown('promotions', 'promotion_orders') }}
            as promotion_orders_365d,
        {{ or_unknown_share('promotions', 'promotion_orders', 'paid_orders_365d') }}
            as promotion_order_share_365d,

        -- returns and cancellations
        as_of_date - last_return_date as days_since_last_return,
        returns_90d,
        returns_365d,
        refund_amount_365d,
        {{ share('returned_items_365d', 'items_365d') }} as returned_item_share_365d,
        {{ share('refund_amount_365d', 'net_amount_365d') }} as refund_share_365d,
        cancelled_orders_365d,

        -- service contacts
        as_of_date - last_complaint_date as days_since_last_complaint,
        user_messages_90d,
        user_messages_365d,
        complaints_30d,
        complaints_90d,
        complaints_365d,
        {{ share('satisfaction_sum_365d', 'satisfaction_answers_365d') }}
            as satisfaction_mean_365d,
        {%- if has_table('support_messages') %}
        coalesce(is_last_complaint_unanswered, false) as is_last_complaint_unanswered,
        {%- else %}
        cast(null as boolean) as is_last_complaint_unanswered,
        {%- endif %}

        -- reviews
        as_of_date - last_review_date as days_since_last_review,
        reviews_365d,
        {{ share('rating_sum_365d', 'reviews_365d') }} as review_rating_mean_365d,
        low_ratings_365d,

        -- campaign touches
        as_of_date - last_touch_date as days_since_last_touch,
        touches_sent_30d,
        touches_sent_90d,
        {{ share('touches_opened_90d', 'touches_sent_90d') }} as touch_open_share_90d,
        {{ share('touches_clicked_90d', 'touches_sent_90d') }} as touch_click_share_90d
    from users_observed
    inner join windows using (as_of_date, user_id)
    left join complaints using (as_of_date, user_id)
    left join promotions using (as_of_date, user_id)
)

select * from final

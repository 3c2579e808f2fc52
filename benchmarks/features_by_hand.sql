-- Joins the parts of parts_by_hand.sql to the columns of user_features.
-- :as_of_date and :eligible_days are replaced by literals.
create or replace temp table by_hand as
select
    :as_of_date as as_of_date, lifetimes.user_id as user_id,
    coalesce(:as_of_date - last_paid_date < :eligible_days, false) as is_eligible,
    :as_of_date - last_paid_date as days_since_last_paid_order,
    :as_of_date - first_paid_date as days_since_first_paid_order,
    coalesce(w7.paid_orders, 0)::integer as paid_orders_7d,
    coalesce(w30.paid_orders, 0)::integer as paid_orders_30d,
    coalesce(w90.paid_orders, 0)::integer as paid_orders_90d,
    coalesce(w180.paid_orders, 0)::integer as paid_orders_180d,
    coalesce(w365.paid_orders, 0)::integer as paid_orders_365d,
    coalesce(w365.paid_days, 0)::integer as paid_days_365d,
    coalesce(w365.orders, 0)::integer as orders_365d,
    lifetimes.paid_orders::integer as paid_orders_lifetime,
    lifetimes.paid_days::integer as paid_days_lifetime,
    30 * lifetimes.paid_days::double / (:as_of_date - first_paid_date + 1)
        as paid_days_per_30_days_of_tenure,
    12 * coalesce(w30.paid_orders, 0)::double / nullif(w365.paid_orders, 0)
        as paid_orders_trend_30d,
    4 * coalesce(w90.paid_orders, 0)::double / nullif(w365.paid_orders, 0)
        as paid_orders_trend_90d,
    lifetimes.paid_days = 1 as is_one_time_buyer,
    coalesce(w7.net_amount, 0)::double as net_amount_7d,
    coalesce(w30.net_amount, 0)::double as net_amount_30d,
    coalesce(w90.net_amount, 0)::double as net_amount_90d,
    coalesce(w180.net_amount, 0)::double as net_amount_180d,
    coalesce(w365.net_amount, 0)::double as net_amount_365d,
    lifetimes.net_amount::double as net_amount_lifetime,
    w365.net_amount::double / nullif(w365.paid_orders, 0) as order_value_mean_365d,
    lifetimes.net_amount::double / nullif(lifetimes.paid_orders, 0)
        as order_value_mean_lifetime,
    last_amount::double as last_paid_day_amount,
    largest_amount::double as largest_paid_day_amount,
    last_amount::double * lifetimes.paid_days / nullif(lifetimes.net_amount, 0)
        as last_paid_day_amount_to_mean,
    4 * coalesce(w90.net_amount, 0)::double / nullif(w365.net_amount, 0)
        as net_amount_trend_90d,
    mean_gap as purchase_gap_mean_days, gap_deviation as purchase_gap_deviation_days,
    last_gap as last_purchase_gap_days, longest_gap as longest_purchase_gap_days,
    (:as_of_date - last_paid_date) / mean_gap as recency_in_own_gaps,
    (:as_of_date - last_paid_date - mean_gap) / nullif(gap_deviation, 0)
        as recency_in_own_deviations,
    case when gaps >= 3 then least(90, greatest(7, round(
        2 * (gap_sum + 4 * (sum(gap_sum) over () / sum(gaps) over ())) / (gaps + 4)
    )))::integer end as personal_window_days,
    coalesce(w7.items, 0)::integer as items_7d,
    coalesce(w30.items, 0)::integer as items_30d,
    coalesce(w90.items, 0)::integer as items_90d,
    coalesce(w180.items, 0)::integer as items_180d,
    coalesce(w365.items, 0)::integer as items_365d,
    w365.items::double / nullif(w365.paid_orders, 0) as items_per_order_365d,
    w365.order_lines::double / nullif(w365.paid_orders, 0) as lines_per_order_365d,
    baskets.products::integer as distinct_products_365d,
    categories::integer as distinct_categories_365d,
    1 - baskets.products::double / nullif(lines, 0) as repeated_product_share_365d,
    most_lines::double / nullif(lines, 0) as favourite_category_share_365d,
    amount::double / nullif(quantity, 0) as unit_price_mean_365d,
    w365.weekend_paid_days::double / nullif(w365.paid_days, 0)
        as weekend_order_share_365d,
    :as_of_date - last_active_date as days_since_last_activity,
    :as_of_date - first_active_date as days_since_first_activity,
    coalesce(w7.active_days, 0)::integer as active_days_7d,
    coalesce(w30.active_days, 0)::integer as active_days_30d,
    coalesce(w90.active_days, 0)::integer as active_days_90d,
    coalesce(w180.active_days, 0)::integer as active_days_180d,
    coalesce(w365.active_days, 0)::integer as active_days_365d,
    3 * coalesce(w30.active_days, 0)::double / nullif(w90.active_days, 0)
        as active_days_trend_30d,
    4 * coalesce(w90.active_days, 0)::double / nullif(w365.active_days, 0)
        as active_days_trend_90d,
    :as_of_date - last_visit_date as days_since_last_visit,
    coalesce(w7.sessions, 0)::integer as sessions_7d,
    coalesce(w30.sessions, 0)::integer as sessions_30d,
    coalesce(w90.sessions, 0)::integer as sessions_90d,
    coalesce(w180.sessions, 0)::integer as sessions_180d,
    coalesce(w365.sessions, 0)::integer as sessions_365d,
    3 * coalesce(w30.sessions, 0)::double / nullif(w90.sessions, 0)
        as sessions_trend_30d,
    w90.events::double / nullif(w90.sessions, 0) as events_per_session_90d,
    w90.browsing_seconds::double / nullif(w90.sessions, 0) as session_seconds_mean_90d,
    w90.night_events::double / nullif(w90.events, 0) as night_event_share_90d,
    w90.mobile_events::double / nullif(w90.events, 0) as mobile_event_share_90d,
    w90.weekend_active_days::double / nullif(w90.active_days, 0)
        as weekend_activity_share_90d,
    coalesce(w90.logins, 0)::integer as logins_90d,
    coalesce(w7.product_views, 0)::integer as product_views_7d,
    coalesce(w30.product_views, 0)::integer as product_views_30d,
    coalesce(w90.product_views, 0)::integer as product_views_90d,
    coalesce(w180.product_views, 0)::integer as product_views_180d,
    coalesce(w365.product_views, 0)::integer as product_views_365d,
    3 * coalesce(w30.product_views, 0)::double / nullif(w90.product_views, 0)
        as product_views_trend_30d,
    coalesce(w90.products_viewed, 0)::integer as products_viewed_90d,
    w365.product_views::double / nullif(w365.paid_orders, 0)
        as product_views_per_order_365d,
    coalesce(w30.searches, 0)::integer as searches_30d,
    coalesce(w90.searches, 0)::integer as searches_90d,
    coalesce(w365.searches, 0)::integer as searches_365d,
    coalesce(w30.favorites, 0)::integer as favorites_30d,
    coalesce(w90.favorites, 0)::integer as favorites_90d,
    coalesce(w365.favorites, 0)::integer as favorites_365d,
    coalesce(w90.shares, 0)::integer as shares_90d,
    :as_of_date - last_cart_date as days_since_last_cart_add,
    coalesce(w7.cart_adds, 0)::integer as cart_adds_7d,
    coalesce(w30.cart_adds, 0)::integer as cart_adds_30d,
    coalesce(w90.cart_adds, 0)::integer as cart_adds_90d,
    coalesce(w180.cart_adds, 0)::integer as cart_adds_180d,
    coalesce(w365.cart_adds, 0)::integer as cart_adds_365d,
    coalesce(w90.cart_removes, 0)::integer as cart_removes_90d,
    coalesce(w90.checkouts, 0)::integer as checkouts_90d,
    w90.cart_adds::double / nullif(w90.product_views, 0) as cart_adds_per_view_90d,
    w90.abandoned_sessions::double / nullif(w90.cart_sessions, 0)
        as cart_abandonment_share_90d,
    w365.discount_amount::double / nullif(w365.gross_amount, 0) as discount_share_365d,
    w365.discounted_orders::double / nullif(w365.paid_orders, 0)
        as discounted_order_share_365d,
    w365.coupon_orders::double / nullif(w365.paid_orders, 0) as coupon_order_share_365d,
    coalesce(w365.coupons_issued, 0)::integer as coupons_issued_365d,
    w365.coupon_orders::double / nullif(w365.coupons_issued, 0)
        as coupon_redemption_share_365d,
    coalesce(promotions.active_days, 0)::integer as promotion_active_days_365d,
    coalesce(promotions.paid_orders, 0)::integer as promotion_orders_365d,
    coalesce(promotions.paid_orders, 0)::double / nullif(w365.paid_orders, 0)
        as promotion_order_share_365d,
    :as_of_date - last_return_date as days_since_last_return,
    coalesce(w90.returns, 0)::integer as returns_90d,
    coalesce(w365.returns, 0)::integer as returns_365d,
    coalesce(w365.refund_amount, 0)::double as refund_amount_365d,
    w365.returned_items::double / nullif(w365.items, 0) as returned_item_share_365d,
    w365.refund_amount::double / nullif(w365.net_amount, 0) as refund_share_365d,
    coalesce(w365.cancelled_orders, 0)::integer as cancelled_orders_365d,
    :as_of_date - last_complaint_date as days_since_last_complaint,
    coalesce(w90.user_messages, 0)::integer as user_messages_90d,
    coalesce(w365.user_messages, 0)::integer as user_messages_365d,
    coalesce(w30.complaints, 0)::integer as complaints_30d,
    coalesce(w90.complaints, 0)::integer as complaints_90d,
    coalesce(w365.complaints, 0)::integer as complaints_365d,
    w365.satisfaction_sum::double / nullif(w365.satisfaction_answers, 0)
        as satisfaction_mean_365d,
    coalesce(is_unanswered, false) as is_last_complaint_unanswered,
    :as_of_date - last_review_date as days_since_last_review,
    coalesce(w365.reviews, 0)::integer as reviews_365d,
    w365.rating_sum::double / nullif(w365.reviews, 0) as review_rating_mean_365d,
    coalesce(w365.low_ratings, 0)::integer as low_ratings_365d,
    :as_of_date - last_touch_date as days_since_last_touch,
    coalesce(w30.touches_sent, 0)::integer as touches_sent_30d,
    coalesce(w90.touches_sent, 0)::integer as touches_sent_90d,
    w90.touches_opened::double / nullif(w90.touches_sent, 0) as touch_open_share_90d,
    w90.touches_clicked::double / nullif(w90.touches_sent, 0) as touch_click_share_90d,
    country, region, city, language, acquisition_channel, gender,
    year(:as_of_date) - birth_year as age_years,
    case when signup_date <= :as_of_date then :as_of_date - signup_date end
        as days_since_signup
from lifetimes
left join w7 using (user_id)
left join w30 using (user_id)
left join w90 using (user_id)
left join w180 using (user_id)
left join w365 using (user_id)
left join gaps using (user_id)
left join baskets using (user_id)
left join complaints using (user_id)
left join promotions using (user_id)
left join profiles using (user_id);

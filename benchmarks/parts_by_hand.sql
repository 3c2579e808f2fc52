-- The features of one day as somebody would write them who has one shop, one day and no
-- house rules: the reference that the product's SQL is timed against. Here are its parts, one
-- plain sum per window; features_by_hand.sql joins them.
-- :as_of_date and :time_zone are replaced by literals. The build file is attached as "build".
create or replace temp view seen_days as
select *
from build.intermediate.int_user_days
where
    known_on <= :as_of_date
    and (superseded_on is null or superseded_on > :as_of_date)
    and activity_date <= :as_of_date;

create or replace temp view lifetimes as
select
    user_id,
    min(case when active_days > 0 then activity_date end) as first_active_date,
    max(case when active_days > 0 then activity_date end) as last_active_date,
    min(case when paid_days > 0 then activity_date end) as first_paid_date,
    max(case when paid_days > 0 then activity_date end) as last_paid_date,
    max(case when events > 0 then activity_date end) as last_visit_date,
    max(case when cart_adds > 0 then activity_date end) as last_cart_date,
    max(case when returns > 0 then activity_date end) as last_return_date,
    max(case when reviews > 0 then activity_date end) as last_review_date,
    max(case when complaints > 0 then activity_date end) as last_complaint_date,
    max(case when touches_sent > 0 then activity_date end) as last_touch_date,
    sum(paid_days) as paid_days,
    sum(paid_orders) as paid_orders,
    sum(net_amount) as net_amount
from seen_days
group by user_id
having max(case when active_days > 0 then activity_date end) > :as_of_date - 365;

create or replace temp view w7 as
select
    user_id, sum(active_days) as active_days, sum(sessions) as sessions,
    sum(product_views) as product_views, sum(cart_adds) as cart_adds,
    sum(paid_orders) as paid_orders, sum(items) as items, sum(net_amount) as net_amount
from seen_days
where activity_date > :as_of_date - 7
group by user_id;

create or replace temp view w30 as
select
    user_id, sum(active_days) as active_days, sum(sessions) as sessions,
    sum(product_views) as product_views, sum(cart_adds) as cart_adds,
    sum(paid_orders) as paid_orders, sum(items) as items, sum(net_amount) as net_amount,
    sum(searches) as searches, sum(favorites) as favorites,
    sum(touches_sent) as touches_sent, sum(complaints) as complaints
from seen_days
where activity_date > :as_of_date - 30
group by user_id;

create or replace temp view w90 as
select
    user_id, sum(active_days) as active_days, sum(sessions) as sessions,
    sum(product_views) as product_views, sum(cart_adds) as cart_adds,
    sum(paid_orders) as paid_orders, sum(items) as items, sum(net_amount) as net_amount,
    sum(weekend_active_days) as weekend_active_days, sum(events) as events,
    sum(searches) as searches, sum(favorites) as favorites, sum(shares) as shares,
    sum(logins) as logins, sum(cart_removes) as cart_removes,
    sum(checkouts) as checkouts, sum(products_viewed) as products_viewed,
    sum(browsing_seconds) as browsing_seconds, sum(cart_sessions) as cart_sessions,
    sum(abandoned_sessions) as abandoned_sessions, sum(night_events) as night_events,
    sum(mobile_events) as mobile_events, sum(returns) as returns,
    sum(user_messages) as user_messages, sum(complaints) as complaints,
    sum(touches_sent) as touches_sent, sum(touches_opened) as touches_opened,
    sum(touches_clicked) as touches_clicked
from seen_days
where activity_date > :as_of_date - 90
group by user_id;

create or replace temp view w180 as
select
    user_id, sum(active_days) as active_days, sum(sessions) as sessions,
    sum(product_views) as product_views, sum(cart_adds) as cart_adds,
    sum(paid_orders) as paid_orders, sum(items) as items, sum(net_amount) as net_amount
from seen_days
where activity_date > :as_of_date - 180
group by user_id;

create or replace temp view w365 as
select
    user_id, sum(active_days) as active_days, sum(sessions) as sessions,
    sum(product_views) as product_views, sum(cart_adds) as cart_adds,
    sum(paid_orders) as paid_orders, sum(items) as items, sum(net_amount) as net_amount,
    sum(paid_days) as paid_days, sum(weekend_paid_days) as weekend_paid_days,
    sum(orders) as orders, sum(cancelled_orders) as cancelled_orders,
    sum(gross_amount) as gross_amount, sum(discount_amount) as discount_amount,
    sum(order_lines) as order_lines, sum(discounted_orders) as discounted_orders,
    sum(coupon_orders) as coupon_orders, sum(coupons_issued) as coupons_issued,
    sum(returns) as returns, sum(returned_items) as returned_items,
    sum(refund_amount) as refund_amount, sum(reviews) as reviews,
    sum(rating_sum) as rating_sum, sum(low_ratings) as low_ratings,
    sum(user_messages) as user_messages, sum(complaints) as complaints,
    sum(satisfaction_sum) as satisfaction_sum,
    sum(satisfaction_answers) as satisfaction_answers,
    sum(searches) as searches, sum(favorites) as favorites
from seen_days
where activity_date > :as_of_date - 365
group by user_id;

create or replace temp view gap_days as
select
    user_id, activity_date, net_amount,
    activity_date
    - lag(activity_date) over (partition by user_id order by activity_date) as gap
from seen_days
where paid_days > 0;

create or replace temp view gaps as
select
    user_id, count(gap) as gaps, sum(gap) as gap_sum, avg(gap) as mean_gap,
    stddev_samp(gap) as gap_deviation,
    max(gap) as longest_gap, arg_max(gap, activity_date) as last_gap,
    arg_max(net_amount, activity_date) as last_amount, max(net_amount) as largest_amount
from gap_days
group by user_id;

create or replace temp view products_bought as
select
    orders.user_id, items.product_id, products.category, count(*) as lines,
    sum(items.quantity) as quantity, sum(items.quantity * items.unit_price) as amount
from build.intermediate.int_orders_valued as orders
inner join build.staging.stg_sample_shop__order_items as items
    on
        orders.order_id = items.order_id
        and items.known_on <= :as_of_date
        and (items.superseded_on is null or items.superseded_on > :as_of_date)
left join build.staging.stg_sample_shop__products as products
    on
        items.product_id = products.product_id
        and products.known_on <= :as_of_date
        and (products.superseded_on is null or products.superseded_on > :as_of_date)
where
    orders.is_paid
    and orders.known_on <= :as_of_date
    and (orders.superseded_on is null or orders.superseded_on > :as_of_date)
    and orders.order_date <= :as_of_date
    and orders.order_date > :as_of_date - 365
group by orders.user_id, items.product_id, products.category;

create or replace temp view categories_bought as
select
    user_id, category, count(*) as products, sum(lines) as lines,
    sum(quantity) as quantity, sum(amount) as amount
from products_bought
group by user_id, category;

create or replace temp view baskets as
select
    user_id, sum(products) as products, sum(lines) as lines,
    count(category) as categories,
    max(case when category is not null then lines end) as most_lines,
    sum(quantity) as quantity, sum(amount) as amount
from categories_bought
group by user_id;

create or replace temp view conversations as
select
    user_id, conversation_id,
    max(case when is_complaint then sent_at end) as complained_at,
    max(case when sender = 'agent' then sent_at end) as answered_at
from build.intermediate.int_messages_classified
where
    known_on <= :as_of_date
    and (superseded_on is null or superseded_on > :as_of_date)
    and local_at::date between :as_of_date - 364 and :as_of_date
group by user_id, conversation_id;

create or replace temp view complaints as
select
    user_id,
    arg_max(
        coalesce(answered_at < complained_at, true), (complained_at, conversation_id)
    ) as is_unanswered
from conversations
where complained_at is not null
group by user_id;

create or replace temp view promotions as
select
    user_id, sum(active_days) as active_days, sum(paid_orders) as paid_orders
from seen_days
where
    activity_date > :as_of_date - 365
    and activity_date in (
        select unnest(generate_series(starts_on, ends_on, interval 1 day))::date
        from build.staging.stg_sample_shop__promotions
        where
            starts_on <= :as_of_date
            and known_on <= :as_of_date
            and (superseded_on is null or superseded_on > :as_of_date)
    )
group by user_id;

create or replace temp view profiles as
select
    user_id, country, region, city, language, acquisition_channel, gender, birth_year,
    (signed_up_at at time zone 'UTC' at time zone ':time_zone')::date as signup_date
from build.staging.stg_sample_shop__users
where
    known_on <= :as_of_date
    and (superseded_on is null or superseded_on > :as_of_date);

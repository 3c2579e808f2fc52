with

users_observed as (
    select * from {{ ref('int_users_observed') }}
),

windows as (
    select * from {{ ref('int_user_windows_summed') }}
),

final as (
    select
        as_of_date,
        user_id,

        -- activity
        as_of_date - last_active_date as days_since_last_activity,
        as_of_date - first_active_date as days_since_first_activity,
        {% for days in window_days() -%}
        active_days_{{ days }}d,
        {% endfor -%}
        {{ share('3 * active_days_30d', 'active_days_90d') }} as active_days_trend_30d,
        {{ share('4 * active_days_90d', 'active_days_365d') }} as active_days_trend_90d,

        -- sessions
        as_of_date - last_visit_date as days_since_last_visit,
        {% for days in window_days() -%}
        sessions_{{ days }}d,
        {% endfor -%}
        {{ share('3 * sessions_30d', 'sessions_90d') }} as sessions_trend_30d,
        {{ share('events_90d', 'sessions_90d') }} as events_per_session_90d,
        {{ share('browsing_seconds_90d', 'sessions_90d') }} as session_seconds_mean_90d,
        {{ share('night_events_90d', 'events_90d') }} as night_event_share_90d,
        {{ share('mobile_events_90d', 'events_90d') }} as mobile_event_share_90d,
        {{ share('weekend_active_days_90d', 'active_days_90d') }}
            as weekend_activity_share_90d,
        logins_90d,

        -- browsing
        {% for days in window_days() -%}
        product_views_{{ days }}d,
        {% endfor -%}
        {{ share('3 * product_views_30d', 'product_views_90d') }}
            as product_views_trend_30d,
        products_viewed_90d,
        {{ share('product_views_365d', 'paid_orders_365d') }}
            as product_views_per_order_365d,
        searches_30d,
        searches_90d,
        searches_365d,
        favorites_30d,
        favorites_90d,
        favorites_365d,
        shares_90d,

        -- cart
        as_of_date - last_cart_date as days_since_last_cart_add,
        {% for days in window_days() -%}
        cart_adds_{{ days }}d,
        {% endfor -%}
        cart_removes_90d,
        checkouts_90d,
        {{ share('cart_adds_90d', 'product_views_90d') }} as cart_adds_per_view_90d,
        {{ share('abandoned_sessions_90d', 'cart_sessions_90d') }}
            as cart_abandonment_share_90d
    from users_observed
    inner join windows using (as_of_date, user_id)
)

select * from final

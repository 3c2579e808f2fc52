with

users_observed as (
    select * from {{ ref('int_users_observed') }}
),

windows as (
    select * from {{ ref('int_user_windows_summed') }}
),

gaps as (
    select * from {{ ref('int_purchase_gaps_measured') }}
),

baskets as (
    select * from {{ ref('int_baskets_measured') }}
),

final as (
    select
        as_of_date,
        user_id,

        -- recency and tenure
        as_of_date - last_paid_date as days_since_last_paid_order,
        as_of_date - first_paid_date as days_since_first_paid_order,

        -- frequency
        {% for days in window_days() -%}
        paid_orders_{{ days }}d,
        {% endfor -%}
        paid_days_365d,
        orders_365d,
        cast(users_observed.paid_orders as integer) as paid_orders_lifetime,
        cast(users_observed.paid_days as integer) as paid_days_lifetime,
        {{ share(
            '30 * users_observed.paid_days', '(as_of_date - first_paid_date + 1)'
        ) }}
            as paid_days_per_30_days_of_tenure,
        {{ share('12 * paid_orders_30d', 'paid_orders_365d') }}
            as paid_orders_trend_30d,
        {{ share('4 * paid_orders_90d', 'paid_orders_365d') }}
            as paid_orders_trend_90d,
        coalesce(users_observed.paid_days = 1, false) as is_one_time_buyer,

        -- money
        {% for days in window_days() -%}
        net_amount_{{ days }}d,
        {% endfor -%}
        cast(users_observed.net_amount as double) as net_amount_lifetime,
        {{ share('net_amount_365d', 'paid_orders_365d') }} as order_value_mean_365d,
        {{ share('users_observed.net_amount', 'users_observed.paid_orders') }}
            as order_value_mean_lifetime,
        cast(last_paid_day_amount as double) as last_paid_day_amount,
        cast(largest_paid_day_amount as double) as largest_paid_day_amount,
        {{ share(
            'last_paid_day_amount * users_observed.paid_days', 'users_observed.net_amount'
        ) }}
            as last_paid_day_amount_to_mean,
        {{ share('4 * net_amount_90d', 'net_amount_365d') }} as net_amount_trend_90d,

        -- purchase gaps
        mean_gap_days as purchase_gap_mean_days,
        gap_deviation_days as purchase_gap_deviation_days,
        last_gap_days as last_purchase_gap_days,
        longest_gap_days as longest_purchase_gap_days,
        (as_of_date - last_paid_date) / mean_gap_days as recency_in_own_gaps,
        (as_of_date - last_paid_date - mean_gap_days) / nullif(gap_deviation_days, 0)
            as recency_in_own_deviations,
        personal_window_days,

        -- baskets and categories
        {% for days in window_days() -%}
        items_{{ days }}d,
        {% endfor -%}
        {{ share('items_365d', 'paid_orders_365d') }} as items_per_order_365d,
        {{ share('order_lines_365d', 'paid_orders_365d') }} as lines_per_order_365d,
        cast(distinct_products as integer) as distinct_products_365d,
        cast(distinct_categories as integer) as distinct_categories_365d,
        1 - {{ share('distinct_products', 'lines') }} as repeated_product_share_365d,
        favourite_category_share as favourite_category_share_365d,
        mean_unit_price as unit_price_mean_365d,
        {{ share('weekend_paid_days_365d', 'paid_days_365d') }}
            as weekend_order_share_365d
    from users_observed
    inner join windows using (as_of_date, user_id)
    left join gaps using (as_of_date, user_id)
    left join baskets using (as_of_date, user_id)
)

select * from final

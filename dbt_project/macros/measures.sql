{# What is counted over events, first per session and then per user and day. #}
{% macro event_measures() %}
    {{ return([
        'events', 'page_views', 'product_views', 'searches', 'cart_adds', 'cart_removes',
        'favorites', 'shares', 'logins', 'checkouts', 'night_events', 'mobile_events',
        'products_viewed', 'browsing_seconds',
    ]) }}
{% endmacro %}

{# The measures of int_user_days; every one is a plain sum, over rows and over days. #}
{% macro user_day_measures() %}
    {% set measures = {} %}
    {% for measure in event_measures() + [
        'sessions', 'cart_sessions', 'abandoned_sessions',
        'orders', 'cancelled_orders', 'paid_orders', 'items', 'order_lines',
        'discounted_orders', 'coupon_orders',
        'returns', 'returned_items', 'reviews', 'rating_sum', 'low_ratings',
        'user_messages', 'complaints', 'satisfaction_sum', 'satisfaction_answers',
        'touches_sent', 'touches_opened', 'touches_clicked', 'coupons_issued',
    ] %}
        {% do measures.update({measure: 'integer'}) %}
    {% endfor %}
    {% for measure in ['gross_amount', 'discount_amount', 'net_amount', 'refund_amount'] %}
        {% do measures.update({measure: 'decimal(18, 4)'}) %}
    {% endfor %}
    {{ return(measures) }}
{% endmacro %}

{# The windows, in days up to and including the as_of_date. #}
{% macro window_days() %}
    {{ return([7, 30, 90, 180, 365]) }}
{% endmacro %}

{# Which measures are summed over which window. #}
{% macro window_measures(days) %}
    {% set everywhere = [
        'active_days', 'sessions', 'product_views', 'cart_adds', 'paid_orders', 'items',
        'net_amount',
    ] %}
    {% set further = {
        30: ['searches', 'favorites', 'touches_sent', 'complaints'],
        90: [
            'visit_days', 'weekend_active_days', 'events', 'searches', 'favorites',
            'shares', 'logins', 'cart_removes', 'checkouts', 'products_viewed',
            'browsing_seconds', 'cart_sessions', 'abandoned_sessions', 'night_events',
            'mobile_events', 'returns', 'user_messages', 'complaints', 'touches_sent',
            'touches_opened', 'touches_clicked',
        ],
        365: [
            'paid_days', 'weekend_paid_days', 'orders', 'cancelled_orders', 'gross_amount',
            'discount_amount', 'order_lines', 'discounted_orders', 'coupon_orders',
            'coupons_issued', 'returns', 'returned_items', 'refund_amount', 'reviews',
            'rating_sum', 'low_ratings', 'user_messages', 'complaints',
            'satisfaction_sum', 'satisfaction_answers', 'searches', 'favorites',
        ],
    } %}
    {{ return(everywhere + further.get(days, [])) }}
{% endmacro %}

{# The table of the contract that a measure counts; without it the measure is unknown. #}
{% macro table_behind(measure) %}
    {% set tables = {
        'returns': ['returns', 'returned_items', 'refund_amount'],
        'reviews': ['reviews', 'rating_sum', 'low_ratings'],
        'support_messages': [
            'user_messages', 'complaints', 'satisfaction_sum', 'satisfaction_answers',
        ],
        'campaign_touches': ['touches_sent', 'touches_opened', 'touches_clicked'],
        'coupons': ['coupons_issued'],
        'order_items': ['items', 'order_lines'],
        'events': event_measures() + [
            'sessions', 'visit_days', 'cart_sessions', 'abandoned_sessions',
        ],
    } %}
    {% for table, measures in tables.items() if measure in measures %}
        {{ return(table) }}
    {% endfor %}
    {{ return('orders') }}
{% endmacro %}

{# A sum where no row means none; null where the shop does not deliver the table. #}
{% macro sum_or_unknown(measure, column) -%}
    {%- set type = 'double' if measure.endswith('_amount') else 'integer' -%}
    {%- if has_table(table_behind(measure)) -%}
    cast(coalesce({{ column }}, 0) as {{ type }})
    {%- else -%}
    cast(null as {{ type }})
    {%- endif -%}
{%- endmacro %}

{# Division that knows nothing when there is nothing to divide by. #}
{% macro share(part, whole) -%}
    cast({{ part }} as double) / nullif({{ whole }}, 0)
{%- endmacro %}

{# A count from a table that the shop may not deliver. #}
{% macro or_unknown(table, column) -%}
    {%- if has_table(table) -%}
    cast(coalesce({{ column }}, 0) as integer)
    {%- else -%}
    cast(null as integer)
    {%- endif -%}
{%- endmacro %}

{# A share whose part comes from a table that the shop may not deliver. #}
{% macro or_unknown_share(table, part, whole) -%}
    {%- if has_table(table) -%}
    {{ share('coalesce(' ~ part ~ ', 0)', whole) }}
    {%- else -%}
    cast(null as double)
    {%- endif -%}
{%- endmacro %}

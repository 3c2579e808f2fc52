{#
    The source contract: every table that a shop may have, with its columns and types.
    Staging models deliver these columns plus those of `version_columns`.
#}
{% macro contract_columns(table) %}
    {% set money = 'decimal(18, 4)' %}
    {% set tables = {
        'users': {
            'user_id': 'varchar', 'signed_up_at': 'timestamp', 'country': 'varchar',
            'region': 'varchar', 'city': 'varchar', 'birth_year': 'integer',
            'gender': 'varchar', 'acquisition_channel': 'varchar', 'language': 'varchar',
        },
        'consents': {
            'user_id': 'varchar', 'purpose': 'varchar', 'changed_at': 'timestamp',
            'granted': 'boolean',
        },
        'events': {
            'event_id': 'varchar', 'user_id': 'varchar', 'session_id': 'varchar',
            'occurred_at': 'timestamp', 'event_type': 'varchar', 'product_id': 'varchar',
            'duration_seconds': money, 'device': 'varchar',
        },
        'orders': {
            'order_id': 'varchar', 'user_id': 'varchar', 'ordered_at': 'timestamp',
            'status': 'varchar', 'gross_amount': money, 'discount_amount': money,
            'currency': 'varchar', 'coupon_code': 'varchar',
        },
        'order_items': {
            'order_id': 'varchar', 'line_number': 'bigint', 'product_id': 'varchar',
            'quantity': 'bigint', 'unit_price': money,
        },
        'returns': {
            'return_id': 'varchar', 'order_id': 'varchar', 'user_id': 'varchar',
            'product_id': 'varchar', 'returned_at': 'timestamp', 'quantity': 'bigint',
            'amount': money, 'reason': 'varchar',
        },
        'reviews': {
            'review_id': 'varchar', 'user_id': 'varchar', 'product_id': 'varchar',
            'reviewed_at': 'timestamp', 'rating': 'integer', 'review_text': 'varchar',
        },
        'support_messages': {
            'message_id': 'varchar', 'conversation_id': 'varchar', 'user_id': 'varchar',
            'sent_at': 'timestamp', 'sender': 'varchar', 'message_text': 'varchar',
            'satisfaction': 'integer',
        },
        'products': {
            'product_id': 'varchar', 'category': 'varchar', 'brand': 'varchar',
            'list_price': money,
        },
        'promotions': {
            'promotion_id': 'varchar', 'starts_on': 'date', 'ends_on': 'date',
            'name': 'varchar', 'discount_rate': money, 'category': 'varchar',
        },
        'campaign_touches': {
            'touch_id': 'varchar', 'user_id': 'varchar', 'campaign_id': 'varchar',
            'channel': 'varchar', 'sent_at': 'timestamp', 'opened_at': 'timestamp',
            'clicked_at': 'timestamp',
        },
        'coupons': {
            'coupon_code': 'varchar', 'user_id': 'varchar', 'campaign_id': 'varchar',
            'issued_at': 'timestamp', 'expires_on': 'date', 'face_value': money,
        },
        'coupon_redemptions': {
            'redemption_id': 'varchar', 'coupon_code': 'varchar', 'order_id': 'varchar',
            'redeemed_at': 'timestamp',
        },
    } %}
    {{ return(tables[table]) }}
{% endmacro %}

{# The column that says when a row of this table happened; none for descriptions. #}
{% macro happened_at_column(table) %}
    {{ return({
        'events': 'occurred_at', 'orders': 'ordered_at', 'returns': 'returned_at',
        'reviews': 'reviewed_at', 'support_messages': 'sent_at',
        'campaign_touches': 'sent_at', 'coupons': 'issued_at',
        'coupon_redemptions': 'redeemed_at', 'consents': 'changed_at',
    }.get(table)) }}
{% endmacro %}

{#
    What staging adds to a table of the contract:
    local_at              when it happened, by the clock on the shop's wall
    known_on              first day that knew this version of the row
    superseded_on         first day that knew a newer version; null for the newest
    changed_by_delivery   number of the delivery that last changed any of these
#}
{% macro version_columns(table) %}
    {% set columns = {'local_at': 'timestamp'} if happened_at_column(table) else {} %}
    {% do columns.update({
        'known_on': 'date', 'superseded_on': 'date', 'changed_by_delivery': 'bigint',
    }) %}
    {{ return(columns) }}
{% endmacro %}

{# Whether the active source delivers this table of the contract. #}
{% macro has_table(table) %}
    {{ return(table not in var('absent_tables').split(',')) }}
{% endmacro %}

{# The staged table of the active source, or an empty one with the contract's columns. #}
{% macro staged(table) %}
    {%- if has_table(table) -%}
        {{ ref('stg_' ~ var('source') ~ '__' ~ table) }}
    {%- else -%}
        (
            select
                {%- for column, type in contract_columns(table).items() %}
                cast(null as {{ type }}) as {{ column }},
                {%- endfor %}
                {%- for column, type in version_columns(table).items() %}
                cast(null as {{ type }}) as {{ column }}{{ ',' if not loop.last }}
                {%- endfor %}
            where false
        )
    {%- endif -%}
{% endmacro %}

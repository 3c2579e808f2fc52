{#
    The draw of an arm: a number in [0, 1) from salt, experiment and user, the same for ever.
    The first 13 hexadecimal digits of an md5, as a whole number, over 16^13; what a double
    holds exactly. campaigns/arms.py draws the same number.
#}
{% macro hash_bucket(salt, experiment_id, user_id) -%}
    {{ hexadecimal_number(
        "left(md5(" ~ salt ~ " || ':' || " ~ experiment_id ~ " || ':' || " ~ user_id
        ~ "), 13)"
    ) }} / cast(4503599627370496 as double)
{%- endmacro %}

{# A text of hexadecimal digits as a whole number. #}
{% macro hexadecimal_number(digits) -%}
    {{ adapter.dispatch('hexadecimal_number', 'holdfast')(digits) }}
{%- endmacro %}

{% macro default__hexadecimal_number(digits) -%}
    cast('0x' || {{ digits }} as bigint)
{%- endmacro %}

{% macro spark__hexadecimal_number(digits) -%}
    cast(conv({{ digits }}, 16, 10) as bigint)
{%- endmacro %}

{# Whether a list written with bars ('high|medium') holds a code. #}
{% macro is_listed(code, list) -%}
    position('|' || {{ code }} || '|' in '|' || {{ list }} || '|') > 0
{%- endmacro %}

{# Whether a list written with bars leaves a code free: an empty list means all. #}
{% macro is_meant(code, list) -%}
    ({{ list }} is null or {{ is_listed(code, list) }})
{%- endmacro %}

{# The place of a code in a list written with bars; 0 where it is not in it. #}
{% macro place_in_list(code, list) -%}
    position('|' || {{ code }} || '|' in '|' || {{ list }} || '|')
{%- endmacro %}

{# Whether a list written with bars holds nothing but these codes; an empty one does. #}
{% macro is_list_of(list, codes) -%}
    ({{ list }} is null or regexp_full_match(
        {{ list }}, '({{ codes | join("|") }})([|]({{ codes | join("|") }}))*'
    ))
{%- endmacro %}

{# The statuses of int_lifecycles_found. #}
{% macro lifecycle_statuses() %}
    {{ return(['new', 'active', 'at_risk', 'lapsing', 'churned', 'won_back']) }}
{% endmacro %}

{# What a user may consent to; the source contract's purposes. #}
{% macro consent_purposes() %}
    {{ return(['email', 'sms', 'push', 'call', 'profiling']) }}
{% endmacro %}

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

{# A clock time of the shop as a UTC timestamp; the way back from shop_time. #}
{% macro utc_time(local_time) -%}
    timezone('UTC', timezone('{{ checked_time_zone() }}', {{ local_time }}))
{%- endmacro %}

{#
    When what is decided for a day reaches users: at noon of the next day, by the shop's clock.
    Caps are counted up to then, the same for everybody, so that no decision hangs on where a
    user lives; the relay counts again at the very moment.
#}
{% macro decision_time(as_of_date) -%}
    {{ utc_time('cast(' ~ as_of_date ~ ' + 1 as timestamp) + interval 12 hour') }}
{%- endmacro %}

{# States of a message that has reached the user, or still may. #}
{% macro contact_states_that_count() -%}
    'sent', 'claimed', 'unknown', 'pending', 'held'
{%- endmacro %}

{# States of a message that left the house, or may have. #}
{% macro contact_states_handed_over() -%}
    'sent', 'claimed', 'unknown'
{%- endmacro %}

{# An hour of the day held within a channel's hours; the last one ends before they do. #}
{% macro within_hours(hour, from_hour, until_hour) -%}
    greatest({{ from_hour }}, least({{ hour }}, {{ until_hour }} - 1))
{%- endmacro %}

{#
    Why a user is not eligible for a campaign: the first of these that holds, in this order.
    Those from held_out to coupon_cool_down pass with time; who is kept back by one of them, or
    by nothing, belongs to the campaign's audience.
#}
{% macro suppression_reasons() %}
    {{ return([
        'global_control', 'not_in_audience', 'no_trigger', 'excluded_by_reason',
        'objected_to_profiling', 'no_channel', 'no_consent', 'do_not_contact',
        'held_out', 'in_experiment', 'contacted_recently', 'offer_cap',
        'coupon_cool_down', 'design_refused', 'audience_too_small',
        'audience_too_large',
    ]) }}
{% endmacro %}

{# Reasons that pass with time; the campaign's audience includes these users. #}
{% macro passing_reasons() -%}
    'held_out', 'in_experiment', 'contacted_recently', 'offer_cap', 'coupon_cool_down'
{%- endmacro %}

{# The days that this run builds, for `in (…)`. #}
{% macro days_being_built() -%}
    {{ as_of_dates() | join(', ') }}
{%- endmacro %}

{#
    What each warning rule asks of a user; the seed warning_rules says with which threshold,
    how far the rule raises the tier, and whether it is switched on. A condition reads columns
    of int_users_scored and `threshold`; a new rule is one line here and one row there.
#}
{% macro warning_conditions() %}
    {{ return({
        'complaint_unanswered':
            'is_last_complaint_unanswered and days_since_last_complaint <= threshold',
        'refunded_heavily': 'refund_share_365d >= threshold',
        'bad_rating': 'low_ratings_365d > 0 and days_since_last_review <= threshold',
        'overdue': 'recency_in_own_gaps > threshold',
        'spend_below_own_average': 'net_amount_trend_90d < threshold',
        'no_visit': 'days_since_last_visit >= threshold',
    }) }}
{% endmacro %}

{# The currency that amounts are written with; nothing where none is given. #}
{% macro currency_suffix() -%}
    {%- set currency = var('currency') | string -%}
    {%- if modules.re.fullmatch('[A-Z]{3}', currency) -%}
    || ' {{ currency }}'
    {%- elif currency != '' and execute -%}
    {{ exceptions.raise_compiler_error("The variable currency is no code: " ~ currency) }}
    {%- endif -%}
{%- endmacro %}

{# A value in words: rounded to what a reader can use. Only sentences are rounded. #}
{% macro worded(value, kind, known_text='null', language='en') -%}
    {%- set words = {
        'en': {
            'unknown': 'unknown', 'day': ' day', 'days': ' days', 'minutes': ' minutes',
            'times': ' times', 'yes': 'yes', 'no': 'no',
        },
        'zh': {
            'unknown': '未知', 'day': ' 天', 'days': ' 天', 'minutes': ' 分钟',
            'times': ' 倍', 'yes': '是', 'no': '否',
        },
    }[language] -%}
    case
        when {{ kind }} = 'text'
            then coalesce({{ known_text }}, '{{ words.unknown }}')
        when {{ value }} is null or not isfinite({{ value }})
            then '{{ words.unknown }}'
        when {{ kind }} = 'days' and round({{ value }}) = 1
            then '1{{ words.day }}'
        when {{ kind }} = 'days'
            then cast(cast(round({{ value }}) as bigint) as varchar) || '{{ words.days }}'
        when {{ kind }} = 'seconds'
            then printf('%.1f', {{ value }} / 60) || '{{ words.minutes }}'
        when {{ kind }} = 'count'
            then cast(cast(round({{ value }}) as bigint) as varchar)
        when {{ kind }} = 'amount'
            then printf('%.2f', {{ value }}) {{ currency_suffix() }}
        when {{ kind }} = 'share'
            then cast(cast(round(100 * {{ value }}) as bigint) as varchar) || ' %'
        when {{ kind }} = 'ratio'
            then printf('%.1f', {{ value }}) || '{{ words.times }}'
        when {{ kind }} = 'yes_no' and {{ value }} > 0
            then '{{ words.yes }}'
        when {{ kind }} = 'yes_no'
            then '{{ words.no }}'
        else printf('%.1f', {{ value }})
    end
{%- endmacro %}

{# Whether a reason raises or lowers the risk, in words that follow its sentence. #}
{% macro direction_worded(contribution, language) -%}
    {%- set words = {
        'en': {'up': ' (raises the risk)', 'down': ' (lowers the risk)'},
        'zh': {'up': '（提高流失风险）', 'down': '（降低流失风险）'},
    }[language] -%}
    case
        when {{ contribution }} > 0 then '{{ words.up }}'
        when {{ contribution }} < 0 then '{{ words.down }}'
        else ''
    end
{%- endmacro %}

{# No alert rule looks back further than these days. #}
{% macro alert_reach() %}
    {{ return(7) }}
{% endmacro %}

{# A risk tier in a sentence. #}
{% macro tier_worded(tier, language) -%}
    {%- if language == 'zh' -%}
    case {{ tier }} when 'high' then '高' when 'medium' then '中' when 'low' then '低' end
    {%- else -%}
    {{ tier }}
    {%- endif -%}
{%- endmacro %}

{# The sentence of an alert: the rule's, with what it leaves open filled in. #}
{% macro alert_worded(language) -%}
    replace(replace(replace(replace(
        alert_rules.sentence_{{ language }},
        '{since}', cast(causes.since_date as varchar)
    ),
        '{value}', {{ worded('causes.value', "'amount'", language=language) }}
    ),
        '{tier}', {{ tier_worded('tiers.risk_tier', language) }}
    ),
        '{previous_tier}',
        coalesce({{ tier_worded('tiers.previous_risk_tier', language) }}, '')
    )
{%- endmacro %}

{#
    The order in which users deserve a contact, riskiest first. Who ranks users by expected
    value asks what a contact brings; everybody else how probable it is that the user leaves.
#}
{% macro riskiest_first() -%}
    case when tier_mode = 'expected_value' then expected_gain end desc nulls last,
    churn_probability desc nulls last,
    predicted_value desc nulls last,
    user_id asc
{%- endmacro %}

{# What a user is judged by: money in the mode expected_value, else the probability. #}
{% macro tier_score() -%}
    case when tier_mode = 'expected_value' then expected_gain else churn_probability end
{%- endmacro %}

{#
    What campaign_effects reports of a user's goal_days: which value at the time of assignment
    foretells it (CUPED), which way is better, and whether it is a guardrail: something that a
    campaign must not harm rather than what it is for.
#}
{% macro campaign_outcomes() %}
    {{ return({
        'churned': {'covariate': 'churn_probability', 'better': 'lower'},
        'orders': {'covariate': 'orders_before', 'better': 'higher'},
        'revenue': {'covariate': 'revenue_before', 'better': 'higher'},
        'net_margin': {'covariate': 'revenue_before', 'better': 'higher'},
        'returned_amount': {
            'covariate': 'returned_amount_before', 'better': 'lower', 'is_guardrail': true,
        },
        'complaints': {
            'covariate': 'complaints_before', 'better': 'lower', 'is_guardrail': true,
        },
        'unsubscribed': {'covariate': none, 'better': 'lower', 'is_guardrail': true},
    }) }}
{% endmacro %}

{# The parts of an experiment's users for which effects are reported. #}
{% macro effect_slices() %}
    {{ return({
        'all': "'all'", 'risk_tier': 'risk_tier', 'value_tier': 'value_tier',
        'stratum': 'stratum',
    }) }}
{% endmacro %}

{# Below so many users in either arm nothing is read out. #}
{% macro fewest_users_per_arm() %}
    {{ return(30) }}
{% endmacro %}

{# A sample ratio less probable than this stops the read-out: the arms are not what was drawn. #}
{% macro least_sample_ratio_p() %}
    {{ return(0.001) }}
{% endmacro %}

{#
    The definitions of churn (seed churn_definitions): of whom one is asked, and how long a
    user's own window is. What is waited for is told in training_labels.
#}

{# Days up to the as_of_date in which a user must have paid for any definition to ask. #}
{% macro labelled_days() %}
    {{ return(365) }}
{% endmacro %}

{#
    Whether a definition is asked of a row of user_features. Who has no paid order in
    `active_within_days` is churned already; who never paid is no customer yet.
#}
{% macro is_asked_of(users, definitions) -%}
    {{ users }}.days_since_last_paid_order < {{ definitions }}.active_within_days
    and {{ users }}.paid_days_lifetime >= {{ definitions }}.fewest_paid_days
    and (
        {{ definitions }}.most_paid_days is null
        or {{ users }}.paid_days_lifetime <= {{ definitions }}.most_paid_days
    )
{%- endmacro %}

{#
    A user's own window in days: twice the mean gap between days with a paid order, shrunk to
    the mean gap of the shop's users, for who has `personal_window_paid_days` of them or more.

    gaps_waited = 2: a Poisson buyer outwaits twice the mean gap with probability exp(-2), so
    that about 14 % of those who stay would be called churned; three gaps would leave 5 % and
    mostly exceed the longest window. prior_gaps = 4: the shop's mean weighs as much as four
    gaps of the user's own, and half as soon as the user has shown four. Seven days are the
    shortest window, since a label in days of the week would say more of the week than of the
    user; 90 the longest, as in the definition paid_order_90d.
#}
{% macro personal_window(gap_sum, gaps, shop_gap_mean) -%}
    {%- set gaps_waited, prior_gaps = 2, 4 -%}
    {%- set shortest, longest = 7, 90 -%}
    case
        when {{ gaps }} + 1 >= {{ personal_window_paid_days() }}
            then cast(least({{ longest }}, greatest({{ shortest }}, round(
                {{ gaps_waited }} * ({{ gap_sum }} + {{ prior_gaps }} * {{ shop_gap_mean }})
                / ({{ gaps }} + {{ prior_gaps }})
            ))) as integer)
    end
{%- endmacro %}

{# Below so many days with a paid order a user's own gaps say too little. #}
{% macro personal_window_paid_days() %}
    {{ return(4) }}
{% endmacro %}

{# The variable `definition_id`, checked: the definition that drives the tiers. #}
{% macro checked_definition_id() %}
    {% set text = var('definition_id') | string %}
    {% if not modules.re.fullmatch('[a-z0-9_]{1,63}', text) %}
        {{ exceptions.raise_compiler_error(
            "The variable definition_id is no name of a definition: " ~ text
        ) }}
    {% endif %}
    {{ return(text) }}
{% endmacro %}

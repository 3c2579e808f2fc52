{{ config(materialized='table') }}

{# One plain sum per window, joined: faster than many sums with a filter each. #}
with

users_observed as (
    select
        as_of_date,
        user_id
    from {{ ref('int_users_observed') }}
),

{% for days in window_days() %}
last_{{ days }}_days as (
    {%- call(as_of_date) for_each_as_of_date() %}
    select
        {{ as_of_date }} as as_of_date,
        user_id,
        {%- for measure in window_measures(days) %}
        sum({{ measure }}) as {{ measure }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ ref('int_user_days') }}
    where
        {{ seen_by(as_of_date, 'activity_date', days=days) }}
    group by user_id
    {% endcall -%}
),

{% endfor %}
final as (
    select
        users_observed.as_of_date,
        users_observed.user_id,
        {%- for days in window_days() %}
        {%- set last_day = loop.last %}
        {%- for measure in window_measures(days) %}
        {{ sum_or_unknown(measure, 'last_' ~ days ~ '_days.' ~ measure) }}
            as {{ measure }}_{{ days }}d{{ ',' if not (last_day and loop.last) }}
        {%- endfor %}
        {%- endfor %}
    from users_observed
    {%- for days in window_days() %}
    left join last_{{ days }}_days
        on
            users_observed.as_of_date = last_{{ days }}_days.as_of_date
            and users_observed.user_id = last_{{ days }}_days.user_id
    {%- endfor %}
)

select * from final

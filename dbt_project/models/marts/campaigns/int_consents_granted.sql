{{ config(materialized='view') }}

{# The newest consent of each purpose stands; who never spoke has granted nothing. #}
with

consents_known as (
    {%- call(as_of_date) for_each_as_of_date() %}
    select
        {{ as_of_date }} as as_of_date,
        user_id,
        purpose,
        changed_at,
        granted
    from {{ staged('consents') }}
    where {{ seen_by(as_of_date, 'cast(local_at as date)') }}
    {% endcall -%}
),

latest as (
    select
        as_of_date,
        {%- for purpose in consent_purposes() %}
        arg_max(granted, changed_at) filter (
            where purpose = '{{ purpose }}'
        ) as {{ purpose }},
        {%- endfor %}
        user_id
    from consents_known
    group by as_of_date, user_id
),

final as (
    select
        as_of_date,
        user_id,
        concat_ws(
            '|',
            {%- for purpose in consent_purposes() %}
            case when {{ purpose }} then '{{ purpose }}' end,
            {%- endfor %}
            null
        ) as purposes_granted,
        coalesce(not profiling, false) as objects_to_profiling
    from latest
)

select * from final

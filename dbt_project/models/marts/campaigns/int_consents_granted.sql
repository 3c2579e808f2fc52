{{ config(materialized='view') }}

{# The newest consent of each purpose stands; who never said anything has granted nothing. #}
with

latest as (
    {%- call(as_of_date) for_each_as_of_date() %}
    select
        {{ as_of_date }} as as_of_date,
        user_id,
        {%- for purpose in consent_purposes() %}
        arg_max(granted, changed_at) filter (
            where purpose = '{{ purpose }}'
        ) as {{ purpose }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ staged('consents') }}
    where {{ seen_by(as_of_date, 'cast(local_at as date)') }}
    group by user_id
    {% endcall -%}
),

final as (
    select
        as_of_date,
        user_id,
        concat_ws(
            '|'
            {%- for purpose in consent_purposes() %},
            case when {{ purpose }} then '{{ purpose }}' end
            {%- endfor %}
        ) as purposes_granted,
        coalesce(not profiling, false) as objects_to_profiling
    from latest
)

select * from final

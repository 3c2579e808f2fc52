{{ config(materialized='view') }}

{# Users and their countries as each occasion's day knew them. #}
with

final as (
    {%- for occasion in recommendation_occasions() %}
    select
        '{{ occasion.purpose }}' as purpose,
        date '{{ occasion.day }}' as as_of_date,
        user_id,
        country
    from {{ staged('users') }}
    where {{ seen_by("date '" ~ occasion.day ~ "'") }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select * from final

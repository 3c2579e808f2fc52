{{ config(materialized='view') }}

{# Products and their categories as each occasion's day knew them. #}
with

final as (
    {%- for occasion in recommendation_occasions() %}
    select
        '{{ occasion.purpose }}' as purpose,
        date '{{ occasion.day }}' as as_of_date,
        product_id,
        category
    from {{ staged('products') }}
    where {{ seen_by("date '" ~ occasion.day ~ "'") }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select * from final

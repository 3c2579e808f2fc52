{{ config(materialized='table') }}

with

final as (
    {%- call(as_of_date) for_each_as_of_date() %}
    select {{ as_of_date }} as as_of_date
    {% endcall -%}
)

select * from final

{{ config(materialized='view') }}

{# Who objected to profiling, or to everything: nobody is pointed to them. #}
with

consents as (
    select
        as_of_date,
        user_id
    from {{ ref('int_consents_granted') }}
    where objects_to_profiling
),

blocks as (
    {%- call(as_of_date) for_each_as_of_date() %}
    select
        {{ as_of_date }} as as_of_date,
        user_id
    from {{ source('control', 'contact_blocks') }}
    where purpose in ('profiling', 'any')
    {% endcall -%}
),

final as (
    select * from consents
    union
    select * from blocks
)

select * from final

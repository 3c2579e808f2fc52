{#
    What users bought after the day that is judged, up to the week's Sunday and as known then.
    Charges such as postage are no products.
#}
with

purchases as (
    {%- for occasion in recommendation_occasions() if occasion.purpose == 'judge' %}
    {%- set week = "date '" ~ occasion.judged_on ~ "'" %}
    select distinct
        date '{{ occasion.day }}' as as_of_date,
        user_id,
        product_id
    from ({{ purchases(week, recommendation_rules().judged_days) }})
    where product_id not in ({{ charges(week) }})
    union all
    {%- endfor %}
    select
        cast(null as date) as as_of_date,
        cast(null as varchar) as user_id,
        cast(null as varchar) as product_id
    where false
),

final as (
    select * from purchases
)

select * from final

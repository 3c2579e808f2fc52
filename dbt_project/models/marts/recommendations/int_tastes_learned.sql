{#
    The tastes from which this run learns neighbourhoods; no rows where the week's are there
    already. Of a user only the strongest count: whoever clicks everything tells little, and
    pairs grow with the square.
#}
with

all_tastes as (
    {%- for week in weeks_to_learn() %}
    {{ tastes("date '" ~ week ~ "'") }}
    union all
    {%- endfor %}
    select
        cast(null as date) as as_of_date,
        cast(null as varchar) as user_id,
        cast(null as varchar) as product_id,
        cast(null as decimal(38, 6)) as weight,
        cast(null as integer) as bought_days
    where false
),

ranked as (
    select
        as_of_date as learned_on,
        user_id,
        product_id,
        bought_days,
        row_number() over (
            partition by as_of_date, user_id order by weight desc, product_id asc
        ) as taste_rank
    from all_tastes
),

final as (
    select
        learned_on,
        user_id,
        product_id,
        bought_days
    from ranked
    where taste_rank <= {{ recommendation_rules().tastes_learned }}
)

select * from final

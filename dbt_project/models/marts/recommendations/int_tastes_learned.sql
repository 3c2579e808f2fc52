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

strongest as (
    select * from ranked
    where taste_rank <= {{ recommendation_rules().tastes_learned }}
),

{# In the order of a hash, which has nothing to do with who they are. #}
users_drawn as (
    select
        learned_on,
        user_id,
        row_number() over (
            partition by learned_on order by md5(user_id), user_id
        ) as user_number
    from strongest
    where taste_rank = 1
),

final as (
    select
        strongest.learned_on,
        strongest.user_id,
        strongest.product_id,
        strongest.bought_days
    from strongest
    inner join users_drawn using (learned_on, user_id)
    where users_drawn.user_number <= {{ recommendation_rules().users_learned }}
)

select * from final
